"""Listing end users."""

from __future__ import annotations

from starlette.responses import Response

from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.lists import paged
from unichat_kapa.simulator.shapes import end_user

_USERS = """
    SELECT * FROM (
        SELECT u.*, count(a.seq) AS question_answer_count, min(a.created_at) AS first_activity_at,
            max(a.created_at) AS latest_activity_at,
            (SELECT thread FROM kapa_answers WHERE user = u.id ORDER BY seq DESC LIMIT 1) AS latest_thread_id,
            (SELECT question FROM kapa_answers WHERE thread =
                (SELECT thread FROM kapa_answers WHERE user = u.id ORDER BY seq DESC LIMIT 1)
             ORDER BY seq LIMIT 1) AS latest_thread_first_question
        FROM kapa_users AS u LEFT JOIN kapa_answers AS a ON a.user = u.id WHERE u.project = :project GROUP BY u.seq
    ) WHERE (:has_email IS NULL OR (email IS NOT NULL) = :has_email)
        AND (:search = '' OR instr(lower(email), :search) OR instr(lower(id), :search)
            OR instr(lower(unique_client_id), :search))
"""
_ORDERS = {
    name: name
    for name in ("first_activity_at", "latest_activity_at", "question_answer_count", "email", "unique_client_id")
}
_TRUTH = {"true": 1, "1": 1, "false": 0, "0": 0}


def end_users(call: Call) -> Response:
    """List the project's end users; an `ordering` or `has_email` not known is ignored, as the framework does.

    Source: Kapa reference, 'List End Users'.
    """
    query = call.request.query_params
    ordering = query.get("ordering", "")
    column = _ORDERS.get(ordering.removeprefix("-"), "seq")
    direction = "DESC" if ordering.startswith("-") and column != "seq" else "ASC"
    filters = {
        "project": call.project.id,
        "has_email": _TRUTH.get(query.get("has_email", "").lower()),
        "search": query.get("search", "").strip().lower(),
    }
    store = call.simulator.store

    def fetch(limit: int, offset: int) -> list[object]:
        rows = store.rows(
            f"{_USERS} ORDER BY {column} {direction}, seq LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [end_user(row) for row in rows]

    total = store.number(f"SELECT count(*) FROM ({_USERS})", filters)  # noqa: S608 - _USERS is a constant
    return paged(call, call.quirks.end_users_shape, total, fetch)
