"""Health, chats and their history. Source: Kadal reference, 'Health' to 'Post Chat by Bot ID'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from unichat.adapter import EndpointContext, ErrorResponse, Operation, Replay, Reply
from unichat.errors import InvalidInput
from unichat_kadal.models import ChatList, ChatReply, Common, Health, object_parser
from unichat_kadal.operations.arguments import (
    BOT_SETTING,
    check_bot_id,
    check_encoding,
    check_integer,
    check_order,
    check_reference,
    check_text,
    endpoints,
)
from unichat_kadal.operations.errors import error_detector


def _detect_health_error(reply: Reply) -> ErrorResponse | None:
    return None if 200 <= reply.status < 300 else endpoints.detect_error(reply)


@endpoints.add("GET", "/aiwb/chat/api/v1/healthz", Replay.READ, reference="Health", detect_error=_detect_health_error)
def health(endpoint: EndpointContext) -> Operation[Health]:
    """Ask whether the service is up: any 2xx means yes. Source: Kadal reference, 'Health'."""
    return endpoint.operation(Health.read)


@endpoints.add(
    "GET",
    "/aiwb/chat/api/v1/",
    Replay.READ,
    reference="List Chats",
    from_settings=BOT_SETTING,
    detect_error=error_detector("bot", is_list=True, version_setting="history_version"),
)
def list_chats(
    endpoint: EndpointContext,
    *,
    chat_bot_id: str,
    page_no: int,
    page_size: int,
    order: str | None = None,
    ext_user_id_ref: str | None = None,
) -> Operation[ChatList]:
    """Return one page of a bot's history; pages count from 1. Source: Kadal reference, 'List Chats'."""
    return endpoint.operation(
        ChatList.read,
        query={
            "chat_bot_id": check_bot_id(chat_bot_id),
            "page_no": check_integer("page_no", page_no, 1),
            "page_size": check_integer("page_size", page_size, 1),
            "order": check_order(order),
            "ext_user_id_ref": check_reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "GET",
    "/aiwb/chat/api/v1/{chat_bot_id}",
    Replay.ASK,
    reference="Get Chat by Bot ID",
    from_settings=BOT_SETTING,
    detect_error=error_detector("bot", version_setting="send_version"),
)
def get_chat(
    endpoint: EndpointContext,
    *,
    chat_bot_id: str,
    query: str,
    continue_last_chat: bool | None = None,
    ext_user_id_ref: str | None = None,
) -> Operation[ChatReply]:
    """Ask by a GET that has side effects; the question ends up in access logs. Prefer `post_chat`.

    Source: Kadal reference, 'Get Chat by Bot ID'.
    """
    return endpoint.operation(
        object_parser(ChatReply),
        path={"chat_bot_id": check_bot_id(chat_bot_id)},
        query={
            "query": check_text("query", query),
            "continue_last_chat": continue_last_chat,
            "ext_user_id_ref": check_reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/clearhistory/{chat_bot_id}",
    Replay.CLEAR,
    reference="Clear Chat History by Bot ID",
    from_settings=BOT_SETTING,
    detect_error=error_detector("bot", allow_empty=True),
)
def clear_chat_history(
    endpoint: EndpointContext, *, chat_bot_id: str, ext_user_id_ref: str | None = None
) -> Operation[Common]:
    """Clear a user's conversation with a bot.

    The reference does not list `ext_user_id_ref` here; a server that ignores it clears the token owner's conversation.
    Source: Kadal reference, 'Clear Chat History by Bot ID'.
    """
    return endpoint.operation(
        object_parser(Common, allow_empty=True),
        path={"chat_bot_id": check_bot_id(chat_bot_id)},
        query={"ext_user_id_ref": check_reference(ext_user_id_ref)},
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v2/{chat_bot_id}",
    Replay.ASK,
    reference="Post Chat by Bot ID",
    from_settings=BOT_SETTING,
    detect_error=error_detector(
        "bot", version_setting="send_version", encoding_setting="message_encoding", fields=("message", "query")
    ),
)
def post_chat(
    endpoint: EndpointContext,
    *,
    chat_bot_id: str,
    message: str,
    continue_last_chat: bool | None = None,
    ext_user_id_ref: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    message_encoding: Literal["json", "query"] = "json",
) -> Operation[ChatReply]:
    """Ask. `message_encoding` says whether the message goes as JSON, as the schemas suggest, or in the query.

    Source: Kadal reference, 'Post Chat by Bot ID' (body: `ChatValidator`).
    """
    query: dict[str, object] = {
        "continue_last_chat": continue_last_chat,
        "ext_user_id_ref": check_reference(ext_user_id_ref),
    }
    body: dict[str, object] | None = {"message": check_text("message", message)}
    check_encoding("message_encoding", message_encoding, ("json", "query"))
    if message_encoding == "query":
        if metadata:
            raise InvalidInput(
                "metadata cannot go in the query", hint="Send JSON.", backend="kadal", argument="metadata"
            )
        query["message"], body = message, None
    elif body is not None and metadata:
        body["metadata"] = metadata
    return endpoint.operation(
        object_parser(ChatReply), path={"chat_bot_id": check_bot_id(chat_bot_id)}, query=query, body=body
    )
