"""Looking for a lost answer by its question and its time: for vendors whose history has both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from unichat.adapter.flows import Flow, reconcile
from unichat.adapter.protocol import ChatCall
from unichat.models import Answer, Exchange

T = TypeVar("T")

_CLOCK_SKEW = timedelta(seconds=5)
"""How far the vendor's clock may be behind this machine's."""


def reconcile_call(
    call: ChatCall, send: Callable[[], Flow[T]], read: Callable[[], Flow[Sequence[Exchange]]], now: datetime
) -> Flow[T | Answer]:
    """Ask, and look for a lost answer if the caller wants that (`call.reconcile`); see `reconcile`.

    The answer is found if exactly one of the exchanges that `read` returns has the question, an answer, and a time not
    before `now`.

    Args:
        call: the question.
        send: makes the flow that asks; every flow it makes sends the same request.
        read: makes the flow that reads the newest exchanges: those of the call's thread, if it has one.
        now: the time, timezone-aware, before anything is sent.
    """
    if not call.reconcile:
        return send()
    since = now - _CLOCK_SKEW

    def find() -> Flow[Answer | None]:
        exchanges = yield from read()
        found = [
            each
            for each in exchanges
            if each.question == call.question
            and each.answer
            and each.created_at is not None
            and each.created_at >= since
        ]
        return found[0].to_answer() if len(found) == 1 else None

    return reconcile(send, find)
