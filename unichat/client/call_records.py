"""Gives the result of a call the record of the call."""

from __future__ import annotations

from typing import Any

from attrs import evolve, fields, has

from unichat.adapter.fields import CALL
from unichat.models import Answer, ClearResult, FeedbackReceipt


def attach_if_possible(result: Any, call: Any) -> Any:
    """Return the result of one of the vendor's operations with the record of its call, if it is a model.

    Anything else is returned as it is: a list or a dict that the caller made of the answer has no place for a record.
    """
    if isinstance(result, Answer | FeedbackReceipt | ClearResult):
        return attach_record(result, call)
    if has(type(result)):
        for item in fields(type(result)):
            if CALL in item.metadata:
                # A copy: an operation may have given a value that others share.
                return evolve(result, **{item.alias: call.record})
    return result


def attach_record(result: Any, call: Any) -> Any:
    """Return an answer, receipt or clearing result with the record of its call."""
    if not isinstance(result, Answer):
        return evolve(result, call=call.record)
    # By hand: evolve() would look up every field, for each answer.
    return Answer(
        text=result.text,
        id=result.id,
        thread=result.thread,
        sources=result.sources,
        uncertain=result.uncertain,
        maybe_duplicated=call.maybe_duplicated,
        began=result.began,
        carried_over=result.carried_over,
        profile=call.profile,
        call=call.record,
        raw=result.raw,
    )
