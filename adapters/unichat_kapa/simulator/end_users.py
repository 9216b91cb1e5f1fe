"""The list of end users."""

from __future__ import annotations

from starlette.responses import Response

from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.lists import paginate
from unichat_kapa.simulator.serializers import serialize_end_user

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
_SORT_COLUMNS = ("first_activity_at", "latest_activity_at", "question_answer_count", "email", "unique_client_id")
_BOOLEANS = {"true": 1, "1": 1, "false": 0, "0": 0}


def list_end_users(context: Context) -> Response:
    """List the project's end users; what is unknown in `ordering` or `has_email` is ignored, as in the framework.

    Source: Kapa reference, 'List End Users'.
    """
    query = context.request.query_params
    terms = [term.strip() for term in query.get("ordering", "").split(",")]
    columns = [
        f"{column} {'DESC' if term.startswith('-') else 'ASC'}"
        for term in terms
        if (column := term.removeprefix("-")) in _SORT_COLUMNS
    ]
    filters = {
        "project": context.project.id,
        "has_email": _BOOLEANS.get(query.get("has_email", "").lower()),
        "search": query.get("search", "").strip().lower(),
    }
    store = context.simulator.store

    def fetch(limit: int, offset: int) -> list[object]:
        rows = store.rows(
            f"{_USERS} ORDER BY {', '.join([*columns, 'seq'])} LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [serialize_end_user(row) for row in rows]

    total = store.number(f"SELECT count(*) FROM ({_USERS})", filters)  # noqa: S608 - _USERS is a constant
    return paginate(context, context.quirks.end_users_shape, total, fetch)
