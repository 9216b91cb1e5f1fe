"""Dify's endpoints as operations, in the order of its reference, 'Chat App API'."""

from collections.abc import Mapping
from typing import Any, Literal

from unichat.adapter import (
    EndpointContext,
    Endpoints,
    Fields,
    Operation,
    Page,
    Replay,
    Reply,
    StreamOperation,
    drop_none,
    parse_objects,
)
from unichat.models import Answer, Exchange
from unichat_dify.models import read_answer, read_exchange
from unichat_dify.stream import Decoder, read_error

PAGE_SIZE = 100
"""Rows per request, which is the most that Dify allows."""
Id = str | None
Word = Literal["like", "dislike"]
Inputs = Mapping[str, Any] | None
_APP = {"inputs": "inputs"}


endpoints = Endpoints(
    "dify", lambda reply: None if reply.status < 300 else read_error(Fields(reply.envelope() or {}), reply.status)
)


def _body(mode: str, query: str, user: str, conversation_id: str, inputs: Inputs) -> dict[str, Any]:
    fields = {"query": query, "user": user, "conversation_id": conversation_id, "inputs": inputs or {}}
    return {**fields, "response_mode": mode}


@endpoints.add("POST", "/chat-messages", Replay.ASK, reference="Send Chat Message", from_settings=_APP)
def send_message(
    endpoint: EndpointContext, *, query: str, user: str, conversation_id: str = "", inputs: Inputs = None
) -> Operation[Answer]:
    """Ask, in a conversation if one is named. Source: Dify reference, 'Send Chat Message', blocking mode."""
    body = _body("blocking", query, user, conversation_id, inputs)
    return endpoint.operation(lambda reply: read_answer(Fields(reply.json()), user), body=body)


@endpoints.add("POST", "/chat-messages", Replay.ASK, reference="Send Chat Message", from_settings=_APP, streamed=True)
def send_message_streamed(
    endpoint: EndpointContext, *, query: str, user: str, conversation_id: str = "", inputs: Inputs = None
) -> StreamOperation[Answer]:
    """Ask, streamed. Source: Dify reference, 'Send Chat Message', streaming mode."""
    body = _body("streaming", query, user, conversation_id, inputs)
    return endpoint.stream(lambda limit: Decoder(limit, user), body=body, accept="text/event-stream")


@endpoints.add("POST", "/messages/{message_id}/feedbacks", Replay.UPSERT, reference="Message Feedback")
def rate_message(
    endpoint: EndpointContext, *, message_id: str | int, rating: Word, user: str, content: Id = None
) -> Operation[Fields]:
    """Rate an answer; a later rating replaces it. Source: Dify reference, 'Message Feedback'."""
    body = drop_none(rating=rating, user=user, content=content)
    return endpoint.operation(lambda reply: Fields(reply.json()), path={"message_id": message_id}, body=body)


@endpoints.add("GET", "/messages", Replay.READ, reference="Get Conversation History Messages")
def list_messages(
    endpoint: EndpointContext, *, conversation_id: str, user: str, first_id: Id = None, limit: int = PAGE_SIZE
) -> Operation[Page[Exchange]]:
    """Return messages before `first_id`, newest first. Source: Dify reference, 'Get Conversation History Messages'."""
    query: Mapping[str, Any] = {"conversation_id": conversation_id, "user": user, "limit": limit}

    def read(reply: Reply) -> Page[Exchange]:
        fields = Fields(reply.json())
        rows = parse_objects(fields.raw.get("data"), lambda row: read_exchange(row, user), "/data")[
            ::-1
        ]  # as the pages are
        more = rows and fields.boolean("has_more")
        return Page(rows, list_messages(**query, first_id=rows[-1].id) if more else None, raw=fields.raw)

    return endpoint.operation(read, query={**query, "first_id": first_id})


@endpoints.add("GET", "/conversations", Replay.READ, reference="Get Conversations")
def list_conversations(
    endpoint: EndpointContext,
    *,
    user: str,
    last_id: Id = None,
    limit: int = PAGE_SIZE,
    sort_by: str = "created_at",
) -> Operation[Page[str]]:
    """Return the ids of the user's conversations after `last_id`. Source: Dify reference, 'Get Conversations'."""
    query: Mapping[str, Any] = {"user": user, "limit": limit, "sort_by": sort_by}

    def read(reply: Reply) -> Page[str]:
        fields = Fields(reply.json())
        ids = parse_objects(fields.raw.get("data"), lambda row: row.require_id("id"), "/data")
        more = ids and fields.boolean("has_more")
        return Page(ids, list_conversations(**query, last_id=ids[-1]) if more else None, raw=fields.raw)

    return endpoint.operation(read, query={**query, "last_id": last_id})


@endpoints.add("DELETE", "/conversations/{conversation_id}", Replay.CLEAR, reference="Delete Conversation")
def delete_conversation(endpoint: EndpointContext, *, conversation_id: str, user: str) -> Operation[Any]:
    """Delete a conversation; the answer is empty. Source: Dify reference, 'Delete Conversation'."""
    path, body = {"conversation_id": conversation_id}, {"user": user}
    return endpoint.operation(lambda reply: reply.json() if reply.body else None, path=path, body=body)


@endpoints.add("GET", "/info", Replay.READ, reference="Get Application Basic Information")
def retrieve_app(endpoint: EndpointContext) -> Operation[Fields]:
    """Return the app's name and description. Source: Dify reference, 'Get Application Basic Information'."""
    return endpoint.operation(lambda reply: Fields(reply.json()))
