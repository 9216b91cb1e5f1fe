"""Kadal's endpoints as operations, in the order of its reference, and the newer v7 history after them.

Parameters have the reference's names; what is None is left out. A slash at the end of a path matters. Every function
raises `InvalidInput` for what Kadal would reject, before anything is sent.
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
from unichat_kadal.models import ChatList, ChatReply, Common, FeedbackRow, Health, object_parser, read_body
from unichat_kadal.settings import bot_id_problem

Encoding = Literal["json", "query", "both"]

_MAX_INTEGER = 2**63 - 1
_BOT_SETTING = {"chat_bot_id": "chat_bot_id"}


def _error_detector(
    what: str,
    *,
    allow_empty: bool = False,
    version_setting: str = "",
    is_list: bool = False,
    encoding_setting: str = "",
    fields: tuple[str, ...] = (),
) -> Callable[[Reply], ErrorResponse | None]:
    """Return a function that detects Kadal's errors.

    Args:
        what: what a 404 did not find.
        allow_empty: whether a 204 means success.
        version_setting: the setting that chooses another version of the endpoint.
        is_list: whether a 404 with a list in its body means that there are no rows.
        encoding_setting: the setting that chooses where `fields` go.
    """

    def detect_error(reply: Reply) -> ErrorResponse | None:
        if reply.status == 204:
            return None if allow_empty else ErrorResponse(status=204)
        body = _read_envelope(reply)
        is_success = 200 <= reply.status < 300
        envelope = _parse_status(body.get("status_code"), strict=is_success)
        status = envelope if is_success and envelope is not None else reply.status
        if 200 <= status < 300 and (status != 204 or allow_empty):
            return None
        if is_list and status == 404 and _has_rows(body):
            return None
        message, argument, code = _read_message(body)
        # The framework's own message for an unknown route; those for an unknown bot or record differ.
        is_framework_404 = not body or ("status_code" not in body and body.get("detail") == "Not Found")
        wrong_route = status in (405, 410) or (status == 404 and is_framework_404)
        return ErrorResponse(
            status=status,
            means=401 if status == 403 and _is_about_token(message) else None,
            message=message or reply.plain_text,
            code=code,
            argument=argument,
            what="route" if wrong_route else what,
            envelope_status=envelope,
            http_status=reply.status,
            hint=_choose_hint(
                wrong_route,
                version_setting,
                encoding_setting if argument in {f"query.{name}" for name in fields} else "",
            ),
        )

    return detect_error


def _read_envelope(reply: Reply) -> dict[str, Any]:
    value: Any = reply.envelope()
    if value is None:
        # Perhaps in a JSON string. A body that cannot be read is for the parser to report.
        with suppress(InvalidResponse):
            value = read_body(reply)
    return value if isinstance(value, dict) else {}


_OK_WORDS = ("", "ok", "success")
"""Texts that mean success instead of a status."""


def _parse_status(status: object, *, strict: bool) -> int | None:
    """Return an envelope's status, None if it has none: samples have integers, and digits as text.

    Raises:
        InvalidResponse: `strict`, and it is anything else: the body may be an error rather than an answer.
    """
    if status is None or status is True or (isinstance(status, str) and status.lower() in _OK_WORDS):
        return None
    match = re.fullmatch(r"\s*0*([0-9]{1,3})(?:\.0*)?\s*", str(status))
    if match is not None:
        return int(match[1])
    if isinstance(status, int) and not isinstance(status, bool):
        return status
    if strict:
        raise unexpected_value("/status_code", "a status", status)
    return None


def _has_rows(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    return isinstance(data, list) or (isinstance(data, dict) and isinstance(data.get("chat_hist"), list))


def _read_message(body: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return an error's message; for a validation error also the first field that it names, and its type."""
    detail = body.get("detail", body.get("message"))
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else "", None, None
    rows = [row for row in detail if isinstance(row, dict)]
    locations = [".".join(str(part) for part in row["loc"]) if isinstance(row.get("loc"), list) else "" for row in rows]
    message = "; ".join(f"{location}: {row.get('msg', '')}" for location, row in zip(locations, rows, strict=True))
    code = rows[0].get("type") if rows else None
    return message, locations[0] if locations else None, code if isinstance(code, str) else None


def _is_about_token(message: str) -> bool:
    return any(word in message.lower() for word in ("authenticat", "credential", "token", "expired"))


def _choose_hint(wrong_route: bool, version_setting: str, encoding_setting: str) -> str:
    if wrong_route:
        other = f" or choose another version with {version_setting}" if version_setting else ""
        return f"This version of the endpoint may be wrong or retired: check base_url{other}."
    if encoding_setting:
        return f"This server expects it in the query: set {encoding_setting} to 'query' or 'auto'."
    return ""


_FEEDBACK_FIELDS = ("bot_response_id", "is_positive", "rating_id", "comment")

endpoints = Endpoints("kadal", _error_detector("bot"))


def _check_bot_id(value: object) -> str:
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


def _check_reference(value: object) -> str | None:
    # An empty one could be taken for the token's owner, and a number for another user.
    return None if value is None else _check_text("ext_user_id_ref", value)


def _check_encoding(name: str, value: object, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise endpoints.invalid_argument(name, value, hint=f"Use one of {', '.join(accepted)}.")


def _check_integer(name: str, value: object, minimum: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= _MAX_INTEGER:
        raise endpoints.invalid_argument(name, value, f"but Kadal takes a whole number from {minimum}", hint="Fix it.")
    return value


def _check_boolean(name: str, value: object) -> bool:
    # Not bool(value): "false" would become true, and a downvote an upvote.
    if not isinstance(value, bool):
        raise endpoints.invalid_argument(name, value, "not True or False", hint="Fix it.")
    return value


def _check_text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise endpoints.invalid_argument(name, value, "but Kadal takes text that is not empty", hint="Fix it.")
    return value


def _check_order(value: str | None) -> str | None:
    if value not in (None, "asc", "desc"):
        raise endpoints.invalid_argument("order", value, hint='Use "asc" or "desc".')
    return value


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
    from_settings=_BOT_SETTING,
    detect_error=_error_detector("bot", is_list=True, version_setting="history_version"),
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
            "chat_bot_id": _check_bot_id(chat_bot_id),
            "page_no": _check_integer("page_no", page_no, 1),
            "page_size": _check_integer("page_size", page_size, 1),
            "order": _check_order(order),
            "ext_user_id_ref": _check_reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "GET",
    "/aiwb/chat/api/v1/{chat_bot_id}",
    Replay.ASK,
    reference="Get Chat by Bot ID",
    from_settings=_BOT_SETTING,
    detect_error=_error_detector("bot", version_setting="send_version"),
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
        path={"chat_bot_id": _check_bot_id(chat_bot_id)},
        query={
            "query": _check_text("query", query),
            "continue_last_chat": continue_last_chat,
            "ext_user_id_ref": _check_reference(ext_user_id_ref),
        },
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/clearhistory/{chat_bot_id}",
    Replay.CLEAR,
    reference="Clear Chat History by Bot ID",
    from_settings=_BOT_SETTING,
    detect_error=_error_detector("bot", allow_empty=True),
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
        path={"chat_bot_id": _check_bot_id(chat_bot_id)},
        query={"ext_user_id_ref": _check_reference(ext_user_id_ref)},
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v2/{chat_bot_id}",
    Replay.ASK,
    reference="Post Chat by Bot ID",
    from_settings=_BOT_SETTING,
    detect_error=_error_detector(
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
        "ext_user_id_ref": _check_reference(ext_user_id_ref),
    }
    body: dict[str, object] | None = {"message": _check_text("message", message)}
    _check_encoding("message_encoding", message_encoding, ("json", "query"))
    if message_encoding == "query":
        if metadata:
            raise InvalidInput(
                "metadata cannot go in the query", hint="Send JSON.", backend="kadal", argument="metadata"
            )
        query["message"], body = message, None
    elif body is not None and metadata:
        body["metadata"] = metadata
    return endpoint.operation(
        object_parser(ChatReply), path={"chat_bot_id": _check_bot_id(chat_bot_id)}, query=query, body=body
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v1/feedbacks/",
    Replay.INSERT,
    reference="Add Feedback API",
    detect_error=_error_detector(
        "answer", allow_empty=True, encoding_setting="feedback_encoding", fields=_FEEDBACK_FIELDS
    ),
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
        "bot_response_id": _check_integer("bot_response_id", bot_response_id),
        "is_positive": _check_boolean("is_positive", is_positive),
        "rating_id": _check_integer("rating_id", rating_id),
        "comment": comment,
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    _check_encoding("feedback_encoding", feedback_encoding, ("json", "query", "both"))
    query: dict[str, object] = {"ext_user_id_ref": _check_reference(ext_user_id_ref)}
    if feedback_encoding != "json":
        query |= sent
    return endpoint.operation(
        object_parser(FeedbackRow, allow_empty=True), query=query, body=None if feedback_encoding == "query" else sent
    )


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v7/",
    Replay.READ,
    reference="(newer) List Chats",
    from_settings=_BOT_SETTING,
    detect_error=_error_detector("bot", is_list=True, version_setting="history_version"),
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
    """Return one page of a bot's history, in the newer form: with times, ratings and which rows were cleared.

    `text` searches questions and answers; `created_by` is Kadal's own user id. Newer than the reference; from Kadal's
    documentation 1.3.0.
    """
    filters = {"text": text, "created_by": created_by}
    return endpoint.operation(
        ChatList.read,
        query={
            "chat_bot_id": _check_bot_id(chat_bot_id),
            "page_no": None if page_no is None else _check_integer("page_no", page_no, 1),
            "page_size": None if page_size is None else _check_integer("page_size", page_size, 1),
            "order": _check_order(order),
            "exclude_tool_verbose": exclude_tool_verbose,
        },
        # Always an object: the framework may require a body even if every field of it is optional.
        body={name: value for name, value in filters.items() if value is not None},
    )
