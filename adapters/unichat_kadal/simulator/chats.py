"""Asking a bot, clearing its history, rating its answers."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from unichat.sandbox import json_response
from unichat_kadal.simulator.calls import Call
from unichat_kadal.simulator.validation import Field, Fields, boolean, free_object, integer, string

_CONTINUES: Fields = {"continue_last_chat": Field(boolean)}
_MESSAGE: Fields = {"message": Field(string, required=True), "metadata": Field(free_object)}
_FEEDBACK: Fields = {
    # Any number: one that no row has is not found.
    "bot_response_id": Field(integer(), required=True),
    "is_positive": Field(boolean, required=True),
    "rating_id": Field(integer(), required=True),
    "comment": Field(string),
}


def get_chat(call: Call) -> Response:
    """Ask a question in the query string. Source: Kadal Chat API 1.0.7, 'Get Chat by Bot ID'."""
    query = call.query({"query": Field(string, required=True), **_CONTINUES, **call.person_field()})
    call.check()
    return _answer(call, query, query["query"], None)


def post_chat(call: Call) -> Response:
    """Ask a question in a JSON body. Source: Kadal Chat API 1.0.7, 'Post Chat by Bot ID'."""
    query = call.query({**_CONTINUES, **call.person_field()})
    if call.quirks.message_in == "query":
        body = call.query({"message": _MESSAGE["message"]})
    else:
        body = call.fields(_MESSAGE)
    call.check()
    return _answer(call, query, body["message"], body.get("metadata"))


def _answer(call: Call, query: dict[str, Any], message: str, metadata: object) -> Response:
    bot, records, quirks = call.bot(), call.records, call.quirks
    if records.tokens_left(bot) <= 0:
        raise call.failure(507, "Insufficient Token")
    person = call.person(query["ext_user_id_ref"])
    continues = query["continue_last_chat"]
    chat = records.last_chat(bot, person) if (quirks.continue_last_chat if continues is None else continues) else None
    answer = call.simulator.answer(message, records.questions(chat))
    if answer.uncertain and quirks.nothing_found == "http_204":
        return Response(status_code=204)
    if answer.uncertain and quirks.nothing_found == "body_204":
        return json_response(200, {"status_code": call.status_code(204), "message": "Not Found"})
    now = call.simulator.now()
    number = records.keep(bot, person, message, answer.text, chat=chat, metadata=metadata, now=now)
    if quirks.event_rows:
        records.keep_event(bot, person, now)
    return call.ok({"message_id": call.id(number), "message": answer.text})


def clear_chat_history(call: Call) -> Response:
    """Clear one person's rows with one bot. Source: Kadal Chat API 1.0.7, 'Clear Chat History by Bot ID'."""
    query = call.query(call.person_field())
    call.check()
    ref = query["ext_user_id_ref"] if call.quirks.clear_scope == "ref" else None
    cleared = call.records.clear(call.bot(), call.person(ref))
    if not cleared and call.quirks.clear_nothing == "404":
        raise call.failure(404, "No conversations found.")
    return call.ok({"message": "Deleted previous conversations."})


def add_feedback(call: Call) -> Response:
    """Add a rating: each call adds one. Source: Kadal Chat API 1.0.7, 'Add Feedback API'."""
    query = call.query(call.person_field())
    given = call.query(_FEEDBACK) if call.quirks.feedback_in == "query" else call.fields(_FEEDBACK)
    call.check()
    exchange = given["bot_response_id"] - call.quirks.response_id_offset
    rating = call.records.rate(exchange, call.person(query["ext_user_id_ref"]), given)
    if rating is None:
        raise call.failure(404, "Bot response not found")
    return json_response(200, {"id": rating, **given, "bot_response_id": call.id(given["bot_response_id"])})
