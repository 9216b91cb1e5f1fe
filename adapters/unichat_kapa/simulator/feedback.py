"""Upserting feedback."""

from __future__ import annotations

from starlette.responses import Response

from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.forms import FEEDBACK
from unichat_kapa.simulator.projects import timestamp
from unichat_kapa.simulator.refusals import field_error, not_found
from unichat_kapa.simulator.shapes import rating


def upsert_feedback(call: Call) -> Response:
    """Rate an answer, or change the same user's rating of it. A comment is kept with an upvote too, though the
    reference says that it should only come with a downvote: it does not say that it is refused.

    Source: Kapa reference, 'Upsert feedback'.
    """
    body = call.form(FEEDBACK)
    row = call.records.rate(body, timestamp(call.simulator.now()))
    if row is None and call.quirks.unknown_answer == "400":
        raise field_error("question_answer", f'Invalid pk "{body["question_answer"]}" - object does not exist.')
    if row is None:
        raise not_found()
    return call.ok(rating(row), 201)
