"""Retrieving a thread, and listing threads as newer versions of the API do."""

from __future__ import annotations

import base64
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat_kapa.simulator import shapes
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.dates import date_filter
from unichat_kapa.simulator.lists import page_size
from unichat_kapa.simulator.refusals import field_error, not_found

_ANSWERS_SHOWN = 50
_PARTS = ("feedback", "status_tag", "custom_tags", "interaction_tags", "end_user", "integration")
_THREADS = """
    SELECT * FROM kapa_threads WHERE project = :project AND last_activity_at >= :since AND {after}
    ORDER BY last_activity_at {order}, seq {order} LIMIT :limit
"""


def retrieve_thread(call: Call) -> Response:
    """Return a thread with its answers, oldest first. Source: Kapa reference, 'Retrieve a thread'."""
    thread = call.thread()
    answers = [
        {
            **shapes.question_answer(row, call.records.feedback(row["id"])),
            "relevant_sources": shapes.sources_in_thread(row, call.simulator.source_url, call.quirks.thread_sources),
        }
        for row in call.records.answers(thread["id"])
    ]
    return call.ok(
        {
            "id": thread["id"],
            "integration": _integration(call, thread),
            "question_answers": answers,
            "created_at": thread["created_at"],
        }
    )


def list_threads(call: Call) -> Response:
    """List threads by last activity, newest first unless `sort=asc`.

    Beyond the reference: as public connectors use it.
    """
    query = call.request.query_params
    sort = query.get("sort", "desc")
    if sort not in ("asc", "desc"):
        raise field_error("sort", f'"{sort}" is not a valid choice.')
    parts = set(filter(None, query.get("include", "").split(",")))
    if unknown := sorted(parts - set(_PARTS)):
        raise field_error("include", f'"{unknown[0]}" is not a valid choice.')
    size = page_size(call)
    after, activity, seq = "1", "", 0
    if cursor := query.get("cursor"):
        activity, seq = _position(cursor)
        after = f"(last_activity_at, seq) {'>' if sort == 'asc' else '<'} (:activity, :seq)"
    rows = call.simulator.store.rows(
        _THREADS.format(after=after, order=sort),
        {
            "project": call.project.id,
            "since": date_filter("updated_since", query.get("updated_since")) or "",
            "activity": activity,
            "seq": seq,
            "limit": size + 1,
        },
    )
    cursor = _cursor(rows[size - 1]) if len(rows) > size else None
    return call.ok({"results": [_listed(call, row, parts) for row in rows[:size]], "next_cursor": cursor})


def _listed(call: Call, thread: Row, parts: set[str]) -> dict[str, Any]:
    rows = call.records.answers(thread["id"])
    answers = [{"id": row["id"], "question": row["question"], "answer": row["answer"]} for row in rows[:_ANSWERS_SHOWN]]
    if "feedback" in parts:
        answers = [{**each, "feedback": call.records.feedback(each["id"])} for each in answers]
    user = next((row["user"] for row in rows if row["user"]), None)
    included: dict[str, Any] = {
        "status_tag": None,
        "custom_tags": [],
        "interaction_tags": [],
        "end_user": {"id": user} if user else None,
        "integration": _integration(call, thread),
    }
    return {
        "id": thread["id"],
        "created_at": thread["created_at"],
        "last_activity_at": thread["last_activity_at"],
        "integration_id": thread["integration"],
        "question_answers": answers,
        "has_more_question_answers": len(rows) > _ANSWERS_SHOWN,
        **{part: included[part] for part in _PARTS if part in parts and part in included},
    }


def _integration(call: Call, thread: Row) -> dict[str, Any] | None:
    found = call.project.integration(thread["integration"])
    return None if found is None else shapes.integration(call.project, found)


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{row['last_activity_at']} {row['seq']}".encode()).decode()


def _position(cursor: str) -> tuple[str, int]:
    try:
        activity, seq = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        if len(seq) > 18:
            raise ValueError(seq)
        return activity, int(seq)
    except ValueError:
        raise not_found("Invalid cursor") from None
