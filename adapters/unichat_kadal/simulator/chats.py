"""Asking a bot, clearing its history, rating its answers."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from unichat.sandbox import json_response
from unichat_kadal.simulator.context import Context
from unichat_kadal.simulator.validation import Field, Fields, boolean, free_object, integer, string

_CONTINUES: Fields = {"continue_last_chat": Field(boolean)}
_MESSAGE: Fields = {"message": Field(string, required=True), "metadata": Field(free_object)}
_FEEDBACK: Fields = {
    # Any integer is valid: an unknown one is answered with 404.
    "bot_response_id": Field(integer(), required=True),
    "is_positive": Field(boolean, required=True),
    "rating_id": Field(integer(), required=True),
    "comment": Field(string),
}


def get_chat(context: Context) -> Response:
    """Ask a question in the query string. Source: Kadal Chat API 1.0.7, 'Get Chat by Bot ID'."""
    query = context.read_query({"query": Field(string, required=True), **_CONTINUES, **context.reference_field()})
    context.raise_errors()
    return _answer_question(context, query, query["query"], None)


def post_chat(context: Context) -> Response:
    """Ask a question in a JSON body. Source: Kadal Chat API 1.0.7, 'Post Chat by Bot ID'."""
    query = context.read_query({**_CONTINUES, **context.reference_field()})
    if context.quirks.message_in == "query":
        body = context.read_query({"message": _MESSAGE["message"]})
    else:
        body = context.read_body(_MESSAGE)
    context.raise_errors()
    return _answer_question(context, query, body["message"], body.get("metadata"))


def _answer_question(context: Context, query: dict[str, Any], message: str, metadata: object) -> Response:
    bot, records, quirks = context.require_bot(), context.records, context.quirks
    if records.tokens_left(bot) <= 0:
        raise context.envelope_error(507, "Insufficient Token")
    person = context.find_person(query["ext_user_id_ref"])
    continues = query["continue_last_chat"]
    chat = (
        records.find_last_chat(bot, person) if (quirks.continue_last_chat if continues is None else continues) else None
    )
    answer = context.simulator.answer(message, records.list_questions(chat))
    if answer.uncertain and quirks.nothing_found == "http_204":
        return Response(status_code=204)
    if answer.uncertain and quirks.nothing_found == "body_204":
        return json_response(200, {"status_code": context.format_status(204), "message": "Not Found"})
    now = context.simulator.now()
    number = records.add_exchange(bot, person, message, answer.text, chat=chat, metadata=metadata, now=now)
    if quirks.event_rows:
        records.add_event(bot, person, now)
    return context.ok({"message_id": context.format_id(number), "message": answer.text})


def clear_chat_history(context: Context) -> Response:
    """Clear one user's rows with one bot. Source: Kadal Chat API 1.0.7, 'Clear Chat History by Bot ID'."""
    query = context.read_query(context.reference_field())
    context.raise_errors()
    ref = query["ext_user_id_ref"] if context.quirks.clear_scope == "ref" else None
    cleared = context.records.clear_rows(context.require_bot(), context.find_person(ref))
    if not cleared and context.quirks.clear_nothing == "404":
        raise context.envelope_error(404, "No conversations found.")
    return context.ok({"message": "Deleted previous conversations."})


def add_feedback(context: Context) -> Response:
    """Add a rating; each call adds another. Source: Kadal Chat API 1.0.7, 'Add Feedback API'."""
    query = context.read_query(context.reference_field())
    newer_ids = context.quirks.id_type == "object_id"
    fields = {**_FEEDBACK, "bot_response_id": Field(string, required=True)} if newer_ids else _FEEDBACK
    given = context.read_query(fields) if context.quirks.feedback_in == "query" else context.read_body(fields)
    context.raise_errors()
    answer, offset = given["bot_response_id"], context.quirks.response_id_offset
    exchange = context.records.find_number(answer) if newer_ids else answer - offset
    rating = context.records.add_rating(exchange, context.find_person(query["ext_user_id_ref"]), given)
    if rating is None:
        raise context.envelope_error(404, "Bot response not found")
    shown = answer if newer_ids else context.format_id(answer - offset, offset)
    return json_response(200, {"id": rating, **given, "bot_response_id": shown})
