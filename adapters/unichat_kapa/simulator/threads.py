"""A thread with its answers, and the list of threads of newer versions of the API."""

from __future__ import annotations

import base64
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat_kapa.simulator import serializers
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.dates import parse_date_filter
from unichat_kapa.simulator.errors import field_error, not_found_error
from unichat_kapa.simulator.lists import read_page_size

_ANSWERS_SHOWN = 50
_PARTS = ("feedback", "status_tag", "custom_tags", "interaction_tags", "end_user", "integration")
_THREADS = """
    SELECT * FROM kapa_threads WHERE project = :project AND last_activity_at >= :since AND {after}
    ORDER BY last_activity_at {order}, seq {order} LIMIT :limit
"""


def retrieve_thread(context: Context) -> Response:
    """Return a thread with its answers, oldest first. Source: Kapa reference, 'Retrieve a thread'."""
    thread = context.require_thread()
    answers = [
        {
            **serializers.serialize_question_answer(row, context.records.list_feedback(row["id"])),
            "relevant_sources": serializers.serialize_thread_sources(
                row, context.simulator.source_url, context.quirks.thread_sources
            ),
        }
        for row in context.records.list_answers(thread["id"])
    ]
    return context.ok(
        {
            "id": thread["id"],
            "integration": _serialize_integration(context, thread),
            "question_answers": answers,
            "created_at": thread["created_at"],
        }
    )


def list_threads(context: Context) -> Response:
    """List threads by last activity, newest first unless `sort=asc`.

    Beyond the reference: as public connectors use it.
    """
    query = context.request.query_params
    sort = query.get("sort", "desc")
    if sort not in ("asc", "desc"):
        raise field_error("sort", f'"{sort}" is not a valid choice.')
    parts = set(filter(None, query.get("include", "").split(",")))
    if unknown := sorted(parts - set(_PARTS)):
        raise field_error("include", f'"{unknown[0]}" is not a valid choice.')
    size = read_page_size(context)
    after, activity, seq = "1", "", 0
    if cursor := query.get("cursor"):
        activity, seq = _decode_cursor(cursor)
        after = f"(last_activity_at, seq) {'>' if sort == 'asc' else '<'} (:activity, :seq)"
    rows = context.simulator.store.rows(
        _THREADS.format(after=after, order=sort),
        {
            "project": context.project.id,
            "since": parse_date_filter("updated_since", query.get("updated_since")) or "",
            "activity": activity,
            "seq": seq,
            "limit": size + 1,
        },
    )
    cursor = _encode_cursor(rows[size - 1]) if len(rows) > size else None
    return context.ok(
        {"results": [_summarize_thread(context, row, parts) for row in rows[:size]], "next_cursor": cursor}
    )


def _summarize_thread(context: Context, thread: Row, parts: set[str]) -> dict[str, Any]:
    rows = context.records.list_answers(thread["id"])
    answers = [{"id": row["id"], "question": row["question"], "answer": row["answer"]} for row in rows[:_ANSWERS_SHOWN]]
    if "feedback" in parts:
        answers = [{**each, "feedback": context.records.list_feedback(each["id"])} for each in answers]
    user = next((row["user"] for row in rows if row["user"]), None)
    included: dict[str, Any] = {
        "status_tag": None,
        "custom_tags": [],
        "interaction_tags": [],
        "end_user": {"id": user} if user else None,
        "integration": _serialize_integration(context, thread),
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


def _serialize_integration(context: Context, thread: Row) -> dict[str, Any] | None:
    found = context.project.integration(thread["integration"])
    return None if found is None else serializers.serialize_integration(context.project, found)


def _encode_cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{row['last_activity_at']} {row['seq']}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, int]:
    try:
        activity, seq = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        if len(seq) > 18:
            raise ValueError(seq)
        return activity, int(seq)
    except ValueError:
        raise not_found_error("Invalid cursor") from None
