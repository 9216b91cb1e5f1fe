"""Listing what was asked: v1 as the reference has it, v7 as newer pages show it."""

from __future__ import annotations

import json
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat.sandbox import json_response
from unichat_kadal.simulator.calls import Call
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


def list_chats(call: Call) -> Response:
    """List a person's rows with a bot. Source: Kadal Chat API 1.0.7, 'List Chats'."""
    query = call.query({**_V1, **call.person_field()})
    call.check()
    bot, quirks = call.bot(query["chat_bot_id"]), call.quirks
    ref = query["ext_user_id_ref"]
    everybody = not ref and quirks.list_without_ref == "all"
    person = None if everybody else call.person(ref).id
    which = Filter(bot=bot, person=person, cleared=quirks.cleared_rows_listed)
    rows, total = _page(call, which, query)
    if not rows and quirks.past_the_end == "http_404":
        raise call.failure(404, "Resource Not Found")
    code = 404 if not rows and quirks.past_the_end == "body_404" else 200
    body = {"status_code": call.status_code(code), "data": [_v1_row(call, row) for row in rows]}
    if quirks.count_field != "none":
        body[quirks.count_field] = total
    if quirks.count_field == "total_count":
        body["message"] = "Success" if rows else "Resource Not Found"
    return json_response(200, body)


def list_chats_v7(call: Call) -> Response:
    """List a bot's rows, with times and verdicts. Source: Kadal Chat API 1.3.0 and later, 'List Chats'."""
    query = call.query(_V7)
    filters = call.fields(_V7_FILTERS, required=call.quirks.v7_body_required)
    call.check()
    which = Filter(
        bot=call.bot(query["chat_bot_id"]),
        events=not query["exclude_tool_verbose"],
        cleared=call.quirks.cleared_rows_listed,
        text=filters["text"] or "",
        user_id=filters["created_by"],
    )
    rows, total = _page(call, which, query)
    if not rows:
        data = {"has_continuations": False, "chat_hist": []}
        body = {"status_code": call.status_code(404), "message": "No records found", "total_count": 0, "data": data}
        return json_response(404 if call.quirks.v7_empty == "http_404" else 200, body)
    continuable = any(not row["cleared"] and row["category"] == "chat" for row in rows)
    hist = [_v7_row(call, row) for row in rows]
    data = {"has_continuations": continuable, "chat_hist": hist}
    return call.ok({"message": "Success", "total_count": total, "data": data})


def _page(call: Call, which: Filter, query: dict[str, Any]) -> tuple[list[Row], int]:
    quirks = call.quirks
    total = call.records.count(which)
    size = query["page_size"] or quirks.default_page_size
    size = size if quirks.page_size_cap is None else min(size, quirks.page_size_cap)
    offset = 0 if quirks.ignores_page_no else ((query["page_no"] or 1) - 1) * size
    # Past the end without asking: the product of two large numbers is none that SQLite takes.
    rows = call.records.page(which, query["order"] or quirks.default_order, size, offset) if offset < total else []
    return rows, total


def _v1_row(call: Call, row: Row) -> dict[str, Any]:
    return {
        "chat_bot_id": row["bot"],
        "user_query": row["query"],
        "created_by": row["person"],
        "bot_response_id": call.id(row["id"] + call.quirks.response_id_offset),
        "bot_response": None if call.quirks.null_responses else row["response"],
    }


def _v7_row(call: Call, row: Row) -> dict[str, Any]:
    return {
        "_id": row["object_id"],
        "tenant_id": call.records.tenant_id,
        "user_id": row["user_id"],
        "object_id": None,
        "user_query": row["query"],
        "bot_response": None if call.quirks.null_responses else row["response"],
        "chat_bot_id": row["bot"],
        "user_type": "external" if row["ref"] else "internal",
        "is_cleared": row["cleared"],
        "creation_time": row["created_at"],
        "response_time": row["answered_at"],
        "metadata": {**(json.loads(row["metadata"]) or {}), "category": row["category"]},
        "is_positive": None if row["is_positive"] is None else bool(row["is_positive"]),
        "query_response_id": str(row["id"] + call.quirks.response_id_offset),
        "chat_bot_name": row["bot_name"],
    }
