"""Ratings: what Kadal's feedback endpoint takes, and where its fields go."""

from __future__ import annotations

from typing import Any

from unichat.adapter import Argument, FeedbackCall, Flow, Setting, Template, ask, drop_comment_flags
from unichat.errors import ConfigError, InvalidInput
from unichat.models import FeedbackReceipt, Rating
from unichat_kadal import operations
from unichat_kadal.operations.errors import is_missing_in_query
from unichat_kadal.operations.feedback import FEEDBACK_FIELDS
from unichat_kadal.settings import KadalSettings


def rate(call: FeedbackCall, reference: str | None, settings: KadalSettings) -> Flow[FeedbackReceipt]:
    """Check a rating, and return the flow that sends it; `reference` is the rater's.

    Raises:
        InvalidInput, Unsupported, ConfigError: at once.
    """
    call = drop_comment_flags(call, "Kadal accepts only text")
    fields: dict[str, Any] = {
        "bot_response_id": call.answer_id,
        "is_positive": call.rating is Rating.UP,
        "rating_id": _find_rating_id(call, settings),
        "comment": None if call.comment is None else call.comment.text,
        "ext_user_id_ref": reference,
    }
    # Built here already, so that a value which cannot be sent raises at once.
    operations.add_feedback(**fields)
    return _send(call, fields, settings)


def _send(call: FeedbackCall, fields: dict[str, Any], settings: KadalSettings) -> Flow[FeedbackReceipt]:
    encoding = settings.feedback_encoding
    row = None
    try:
        row = yield from ask(
            operations.add_feedback(**fields, feedback_encoding="json" if encoding == "auto" else encoding)
        )
    except InvalidInput as error:
        if encoding != "auto" or not is_missing_in_query(error, FEEDBACK_FIELDS):
            raise
    if row is None:
        # The 422 stored nothing, so this does not add a second rating.
        row = yield from ask(operations.add_feedback(**fields, feedback_encoding="query"))
    return call.receipt(id=row.id, raw=row.raw)


def _find_rating_id(call: FeedbackCall, settings: KadalSettings) -> Any:
    # Whether it is a whole number is the operation's to check.
    given = call.options.get("rating_id")
    if given is not None:
        return given
    known = settings.rating_ids or {}
    if call.rating.value not in known:
        raise ConfigError(
            f"Kadal needs a rating_id, and rating_ids has none for {call.rating.value!r}",
            key="rating_ids",
            hint=Template(
                "Set ",
                Setting("rating_ids", "{up = ..., down = ...}"),
                " with your tenant's ids",
                Template(", or pass ", Argument("rating_id")),
                ".",
            ),
            backend="kadal",
            operation="feedback",
        )
    return known[call.rating.value]
