"""The endpoint that upserts feedback."""

from __future__ import annotations

from starlette.responses import Response

from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.errors import field_error, not_found_error
from unichat_kapa.simulator.projects import format_time
from unichat_kapa.simulator.schemas import FEEDBACK
from unichat_kapa.simulator.serializers import serialize_rating


def upsert_feedback(context: Context) -> Response:
    """Rate an answer, or change the same user's rating of it. A comment is stored with an upvote too, though the
    reference says that it should only come with a downvote: it does not say that it is rejected.

    Source: Kapa reference, 'Upsert feedback'.
    """
    body = context.read_body(FEEDBACK)
    row = context.records.upsert_rating(body, format_time(context.simulator.now()))
    if row is None and context.quirks.unknown_answer == "400":
        raise field_error("question_answer", f'Invalid pk "{body["question_answer"]}" - object does not exist.')
    if row is None:
        raise not_found_error()
    return context.ok(serialize_rating(row), 201)
