"""Kadal's endpoints as operations, in the order of its reference, and the newer v7 history after them.

Parameters have the reference's names; what is None is left out. Slashes at the end of a path count. Every function
raises `InvalidInput` for what Kadal would refuse, before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from unichat.adapter import (
    EndpointContext,
    Endpoints,
    ErrorResponse,
    Operation,
    Replay,
    Reply,
    quoted,
    unexpected_value,
)
from unichat.errors import InvalidInput, InvalidResponse
from unichat_kadal.models import ChatList, ChatReply, Common, FeedbackRow, Health, body_of
from unichat_kadal.settings import bot_id_problem

Encoding = Literal["json", "query", "both"]

_LARGEST = 2**63 - 1
_BOT = {"chat_bot_id": "chat_bot_id"}


def _detect_error(
    what: str,
    *,
    empty_is_fine: bool = False,
    retired: str = "",
    lists: bool = False,
    encoding: str = "",
    fields: tuple[str, ...] = (),
) -> Callable[[Reply], ErrorResponse | None]:
    """Return the reader of refusals.

    Args:
        what: the thing that a 404 is about.
        empty_is_fine: whether a 204 means done.
        retired: which setting chooses another version of the endpoint.
        lists: whether a 404 with a list in it means that there are no rows.
        encoding: which setting chooses where `fields` go.
    """

    def detect_error(reply: Reply) -> ErrorResponse | None:
        if reply.status == 204:
            return None if empty_is_fine else ErrorResponse(status=204)
        body = _readable(reply)
        fine = 200 <= reply.status < 300
        envelope = _coerced(body.get("status_code"), strictly=fine)
        status = envelope if fine and envelope is not None else reply.status
        if 200 <= status < 300 and (status != 204 or empty_is_fine):
            return None
        if lists and status == 404 and _has_rows(body):
            return None
        message, argument, code = _words(body)
        # The framework's own words for a route that it does not have; a bot or record has others.
        bare = not body or ("status_code" not in body and body.get("detail") == "Not Found")
        wrong_route = status in (405, 410) or (status == 404 and bare)
        return ErrorResponse(
            status=status,
            means=401 if status == 403 and _is_about_the_token(message) else None,
            message=message or reply.plain_text,
            code=code,
            argument=argument,
            what="route" if wrong_route else what,
            envelope_status=envelope,
            http_status=reply.status,
            hint=_hint(wrong_route, retired, encoding if argument in {f"query.{name}" for name in fields} else ""),
        )

    return detect_error


def _readable(reply: Reply) -> dict[str, Any]:
    # Whether a body that cannot be read matters is the parser's to say; here only its envelope is looked for.
    value: Any = None
    if reply.body and reply.is_json:
        with suppress(InvalidResponse):
            value = body_of(reply)
    return value if isinstance(value, dict) else {}


_FINE = ("", "ok", "success")
"""Words for a status that mean no failure."""


def _coerced(status: object, *, strictly: bool) -> int | None:
    """Return an envelope's status, None where it has none: samples have integers, and digits as text.

    Raises:
        InvalidResponse: strictly, it is anything else. What stands beside it may be a failure's words, and no answer.
    """
    if status is None or status is True or (isinstance(status, str) and status.lower() in _FINE):
        return None
    match = re.fullmatch(r"\s*0*([0-9]{1,3})(?:\.0*)?\s*", str(status))
    if match is not None:
        return int(match[1])
    if isinstance(status, int) and not isinstance(status, bool):
        return status
    if strictly:
        raise unexpected_value("/status_code", "a status", status)
    return None


def _has_rows(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    return isinstance(data, list) or (isinstance(data, dict) and isinstance(data.get("chat_hist"), list))


def _words(body: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return Kadal's words on a failure; of a validation error also the first field that it names, and its type."""
    detail = body.get("detail", body.get("message"))
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else "", None, None
    rows = [row for row in detail if isinstance(row, dict)]
    places = [".".join(str(part) for part in row["loc"]) if isinstance(row.get("loc"), list) else "" for row in rows]
    message = "; ".join(f"{place}: {row.get('msg', '')}" for place, row in zip(places, rows, strict=True))
    code = rows[0].get("type") if rows else None
    return message, places[0] if places else None, code if isinstance(code, str) else None


def _is_about_the_token(message: str) -> bool:
    return any(word in message.lower() for word in ("authenticat", "credential", "token", "expired"))


def _hint(wrong_route: bool, retired: str, encoding: str) -> str:
    if wrong_route:
        other = f" or choose another version with {retired}" if retired else ""
        return f"This version of the endpoint may be wrong or retired: check base_url{other}."
    if encoding:
        return f"This server wants it in the query: set {encoding} to 'query' or 'auto'."
    return ""


_FEEDBACK_FIELDS = ("bot_response_id", "is_positive", "rating_id", "comment")

endpoints = Endpoints("kadal", _detect_error("bot"))


def _bot_id(value: object) -> str:
    problem = bot_id_problem(value)
    if problem:
        raise InvalidInput(
            f"chat_bot_id {quoted(value)} {problem}",
            hint="Pass the bot's id.",
            backend="kadal",
            argument="chat_bot_id",
            value=quoted(value),
        )
    return str(value)


def _reference(value: object) -> str | None:
    # An empty one may stand for the token's owner, and a number for somebody else.
    return None if value is None else _text("ext_user_id_ref", value)


def _encoding(name: str, value: object, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise InvalidInput(
            f"{name} is {quoted(value)}", hint=f"Use one of {', '.join(accepted)}.", backend="kadal", argument=name
        )


def _integer(name: str, value: object, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST:
        raise InvalidInput(
            f"{name} is {quoted(value)}, but Kadal takes a whole number from {least}",
            hint="Correct it.",
            backend="kadal",
            argument=name,
            value=quoted(value),
        )
    return value


def _truth(name: str, value: object) -> bool:
    # Not bool(value): "false" would become true, and a downvote an upvote.
    if not isinstance(value, bool):
        raise InvalidInput(
            f"{name} is {quoted(value)}, not True or False",
            hint="Correct it.",
            backend="kadal",
            argument=name,
            value=quoted(value),
        )
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(
            f"{name} is {quoted(value)}, but Kadal takes text that is not empty",
            hint="Correct it.",
            backend="kadal",
            argument=name,
            value=quoted(value),
        )
    return value


def _order(value: str | None) -> str | None:
    if value not in (None, "asc", "desc"):
        raise InvalidInput(f"order is {quoted(value)}", hint='Use "asc" or "desc".', backend="kadal", argument="order")
    return value


def _examine_health(reply: Reply) -> ErrorResponse | None:
    return None if 200 <= reply.status < 300 else endpoints.detect_error(reply)


@endpoints.add("GET", "/aiwb/chat/api/v1/healthz", Replay.READ, reference="Health", detect_error=_examine_health)
def health(endpoint: EndpointContext) -> Operation[Health]:
    """Ask whether the service is alive: any 2xx says so. Source: Kadal reference, 'Health'."""
    return endpoint.operation(Health.read)


@endpoints.add(
    "GET",
    "/aiwb/chat/api/v1/",
    Replay.READ,
    reference="List Chats",
    from_settings=_BOT,
    detect_error=_detect_error("bot", lists=True, retired="history_version"),
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
            "chat_bot_id": _bot_id(chat_bot_id),
            "page_no": _integer("page_no", page_no, 1),
            "page_size": _integer("page_size", page_size, 1),
            "order": _order(order),
            "ext_user_id_ref": _reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "GET",
    "/aiwb/chat/api/v1/{chat_bot_id}",
    Replay.ASK,
    reference="Get Chat by Bot ID",
    from_settings=_BOT,
    detect_error=_detect_error("bot", retired="send_version"),
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
        ChatReply.read,
        path={"chat_bot_id": _bot_id(chat_bot_id)},
        query={
            "query": _text("query", query),
            "continue_last_chat": continue_last_chat,
            "ext_user_id_ref": _reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/clearhistory/{chat_bot_id}",
    Replay.CLEAR,
    reference="Clear Chat History by Bot ID",
    from_settings=_BOT,
    detect_error=_detect_error("bot", empty_is_fine=True),
)
def clear_chat_history(
    endpoint: EndpointContext, *, chat_bot_id: str, ext_user_id_ref: str | None = None
) -> Operation[Common]:
    """Clear a user's conversation with a bot.

    The reference names no `ext_user_id_ref` here; a server that ignores it clears the token owner's conversation.
    Source: Kadal reference, 'Clear Chat History by Bot ID'.
    """
    return endpoint.operation(
        Common.read, path={"chat_bot_id": _bot_id(chat_bot_id)}, query={"ext_user_id_ref": _reference(ext_user_id_ref)}
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v2/{chat_bot_id}",
    Replay.ASK,
    reference="Post Chat by Bot ID",
    from_settings=_BOT,
    detect_error=_detect_error("bot", retired="send_version", encoding="message_encoding", fields=("message", "query")),
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
        "ext_user_id_ref": _reference(ext_user_id_ref),
    }
    body: dict[str, object] | None = {"message": _text("message", message)}
    _encoding("message_encoding", message_encoding, ("json", "query"))
    if message_encoding == "query":
        if metadata:
            raise InvalidInput(
                "metadata cannot go in the query", hint="Send JSON.", backend="kadal", argument="metadata"
            )
        query["message"], body = message, None
    elif body is not None and metadata:
        body["metadata"] = metadata
    return endpoint.operation(ChatReply.read, path={"chat_bot_id": _bot_id(chat_bot_id)}, query=query, body=body)


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/feedbacks/",
    Replay.INSERT,
    reference="Add Feedback API",
    detect_error=_detect_error("answer", empty_is_fine=True, encoding="feedback_encoding", fields=_FEEDBACK_FIELDS),
)
def add_feedback(
    endpoint: EndpointContext,
    *,
    bot_response_id: int,
    is_positive: bool,
    rating_id: int,
    comment: str | None = None,
    ext_user_id_ref: str | None = None,
    feedback_encoding: Encoding = "json",
) -> Operation[FeedbackRow]:
    """Rate an answer. `feedback_encoding` says where the fields go: as JSON, in the query, or in both.

    Source: Kadal reference, 'Add Feedback API' (body: `FeedbackRequest`).
    """
    fields: dict[str, object] = {
        "bot_response_id": _integer("bot_response_id", bot_response_id),
        "is_positive": _truth("is_positive", is_positive),
        "rating_id": _integer("rating_id", rating_id),
        "comment": comment,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    _encoding("feedback_encoding", feedback_encoding, ("json", "query", "both"))
    query: dict[str, object] = {"ext_user_id_ref": _reference(ext_user_id_ref)}
    if feedback_encoding != "json":
        query |= given
    return endpoint.operation(FeedbackRow.read, query=query, body=None if feedback_encoding == "query" else given)


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v7/",
    Replay.READ,
    reference="(newer) List Chats",
    from_settings=_BOT,
    detect_error=_detect_error("bot", lists=True, retired="history_version"),
)
def list_chats_v7(
    endpoint: EndpointContext,
    *,
    chat_bot_id: str,
    page_no: int | None = None,
    page_size: int | None = None,
    order: str | None = None,
    exclude_tool_verbose: bool | None = None,
    text: str | None = None,
    created_by: str | None = None,
) -> Operation[ChatList]:
    """Return one page of a bot's history, in the newer form: with times, verdicts and the mark of cleared rows.

    `text` searches questions and answers; `created_by` is Kadal's own user id. Newer than the reference; from Kadal's
    documentation 1.3.0.
    """
    filters = {"text": text, "created_by": created_by}
    return endpoint.operation(
        ChatList.read,
        query={
            "chat_bot_id": _bot_id(chat_bot_id),
            "page_no": None if page_no is None else _integer("page_no", page_no, 1),
            "page_size": None if page_size is None else _integer("page_size", page_size, 1),
            "order": _order(order),
            "exclude_tool_verbose": exclude_tool_verbose,
        },
        # Always an object: the framework may insist on a body even where every field of it is optional.
        body={name: value for name, value in filters.items() if value is not None},
    )
