"""Feedback. Source: Kadal reference, 'Add Feedback API'."""

from __future__ import annotations

from unichat.adapter import EndpointContext, Operation, Replay, drop_none
from unichat_kadal.models import FeedbackRow, object_parser
from unichat_kadal.operations.arguments import (
    Encoding,
    check_answer_id,
    check_boolean,
    check_encoding,
    check_integer,
    check_reference,
    endpoints,
)
from unichat_kadal.operations.errors import error_detector

FEEDBACK_FIELDS = ("bot_response_id", "is_positive", "rating_id", "comment")


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/feedbacks/",
    Replay.INSERT,
    reference="Add Feedback API",
    detect_error=error_detector(
        "answer", allow_empty=True, encoding_setting="feedback_encoding", fields=FEEDBACK_FIELDS
    ),
)
def add_feedback(
    endpoint: EndpointContext,
    *,
    bot_response_id: int | str,
    is_positive: bool,
    rating_id: int,
    comment: str | None = None,
    ext_user_id_ref: str | None = None,
    feedback_encoding: Encoding = "json",
) -> Operation[FeedbackRow]:
    """Rate an answer. `bot_response_id` may also be text: newer ids are, and a number in digits is sent as a number.

    `feedback_encoding` says where the fields go: as JSON, in the query, or in both.

    Source: Kadal reference, 'Add Feedback API' (body: `FeedbackRequest`).
    """
    fields: dict[str, object] = {
        "bot_response_id": check_answer_id("bot_response_id", bot_response_id),
        "is_positive": check_boolean("is_positive", is_positive),
        "rating_id": check_integer("rating_id", rating_id),
        "comment": comment,
    }
    sent = drop_none(**fields)
    check_encoding("feedback_encoding", feedback_encoding, ("json", "query", "both"))
    query: dict[str, object] = {"ext_user_id_ref": check_reference(ext_user_id_ref)}
    if feedback_encoding != "json":
        query |= sent
    return endpoint.operation(
        object_parser(FeedbackRow, allow_empty=True), query=query, body=None if feedback_encoding == "query" else sent
    )
