"""Listings of the history: v1 as in the reference, v7 as in newer documentation."""

from __future__ import annotations

import json
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat.sandbox import json_response
from unichat_kadal.simulator.context import Context
from unichat_kadal.simulator.records import Filter
from unichat_kadal.simulator.validation import Field, Fields, boolean, integer, order, string, uuid

_NUMBER = integer(least=1)
_V1: Fields = {
    "chat_bot_id": Field(string, required=True),
    "page_no": Field(_NUMBER, required=True),
    "page_size": Field(_NUMBER, required=True),
    "order": Field(order),
}
_V7: Fields = {
    "chat_bot_id": Field(uuid, required=True),
    "page_no": Field(_NUMBER),
    "page_size": Field(_NUMBER),
    "order": Field(order),
    "exclude_tool_verbose": Field(boolean),
}
_V7_FILTERS: Fields = {"text": Field(string), "created_by": Field(string)}


def list_chats(context: Context) -> Response:
    """List a person's rows with a bot. Source: Kadal Chat API 1.0.7, 'List Chats'."""
    query = context.read_query({**_V1, **context.reference_field()})
    context.raise_errors()
    bot, quirks = context.require_bot(query["chat_bot_id"]), context.quirks
    ref = query["ext_user_id_ref"]
    everybody = not ref and quirks.list_without_ref == "all"
    person = None if everybody else context.find_person(ref).id
    which = Filter(bot=bot, person=person, cleared=quirks.cleared_rows_listed)
    rows, total = _fetch_page(context, which, query)
    if not rows and quirks.past_the_end == "http_404":
        raise context.envelope_error(404, "Resource Not Found")
    code = 404 if not rows and quirks.past_the_end == "body_404" else 200
    body = {"status_code": context.format_status(code), "data": [_serialize_v1_row(context, row) for row in rows]}
    if quirks.count_field != "none":
        body[quirks.count_field] = total
    if quirks.count_field == "total_count":
        body["message"] = "Success" if rows else "Resource Not Found"
    return json_response(200, body)


def list_chats_v7(context: Context) -> Response:
    """List a bot's rows, with times and ratings. Source: Kadal Chat API 1.3.0 and later, 'List Chats'."""
    query = context.read_query(_V7)
    filters = context.read_body(_V7_FILTERS, required=context.quirks.v7_body_required)
    context.raise_errors()
    which = Filter(
        bot=context.require_bot(query["chat_bot_id"]),
        events=not query["exclude_tool_verbose"],
        cleared=context.quirks.cleared_rows_listed,
        text=filters["text"] or "",
        user_id=filters["created_by"],
    )
    rows, total = _fetch_page(context, which, query)
    if not rows:
        data = {"has_continuations": False, "chat_hist": []}
        body = {
            "status_code": context.format_status(404),
            "message": "No records found",
            "total_count": 0,
            "data": data,
        }
        return json_response(404 if context.quirks.v7_empty == "http_404" else 200, body)
    continuable = any(not row["cleared"] and row["category"] == "chat" for row in rows)
    hist = [_serialize_v7_row(context, row) for row in rows]
    data = {"has_continuations": continuable, "chat_hist": hist}
    return context.ok({"message": "Success", "total_count": total, "data": data})


def _fetch_page(context: Context, which: Filter, query: dict[str, Any]) -> tuple[list[Row], int]:
    quirks = context.quirks
    total = context.records.count_rows(which)
    size = query["page_size"] or quirks.default_page_size
    size = size if quirks.page_size_cap is None else min(size, quirks.page_size_cap)
    offset = 0 if quirks.ignores_page_no else ((query["page_no"] or 1) - 1) * size
    # Nothing is fetched past the end: SQLite does not accept an offset as large as two large numbers multiplied.
    rows = (
        context.records.list_rows(which, query["order"] or quirks.default_order, size, offset) if offset < total else []
    )
    return rows, total


def _serialize_v1_row(context: Context, row: Row) -> dict[str, Any]:
    return {
        "chat_bot_id": row["bot"],
        "user_query": row["query"],
        "created_by": row["person"],
        "bot_response_id": context.format_id(row["id"], context.quirks.response_id_offset),
        "bot_response": None if context.quirks.null_responses else row["response"],
    }


def _serialize_v7_row(context: Context, row: Row) -> dict[str, Any]:
    return {
        "_id": row["object_id"],
        "tenant_id": context.records.tenant_id,
        "user_id": row["user_id"],
        "object_id": None,
        "user_query": row["query"],
        "bot_response": None if context.quirks.null_responses else row["response"],
        "chat_bot_id": row["bot"],
        "user_type": "external" if row["ref"] else "internal",
        "is_cleared": row["cleared"],
        "creation_time": row["created_at"],
        "response_time": row["answered_at"],
        "metadata": {**(json.loads(row["metadata"]) or {}), "category": row["category"]},
        "is_positive": None if row["is_positive"] is None else bool(row["is_positive"]),
        "query_response_id": str(row["id"] + context.quirks.response_id_offset),
        "chat_bot_name": row["bot_name"],
    }
