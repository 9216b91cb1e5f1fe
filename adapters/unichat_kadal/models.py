"""Models of Kadal's responses: the fields that unichat reads. Everything else is in `raw`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from attrs import frozen

from unichat.adapter import (
    CallRecord,
    Fields,
    JsonModel,
    Reply,
    as_boolean,
    as_id,
    as_integer,
    as_text,
    as_time,
    call_field,
    optional,
    parse_objects,
    raw_field,
    required,
)
from unichat.errors import InvalidResponse

M = TypeVar("M", bound=JsonModel)


def read_body(reply: Reply) -> Any:
    """Return the reply's JSON; if it is a string that holds a JSON object, as has been seen in public, that object."""
    value = reply.json()
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return Reply(reply.status, reply.headers, value.encode()).json()
    return value


def object_parser(model: type[M], *, allow_empty: bool = False) -> Callable[[Reply], M]:
    """Return the function that reads a reply's JSON as `model`; with `allow_empty`, no body counts as no members."""
    return lambda reply: model.read(Fields({} if allow_empty and not reply.body else read_body(reply)))


@frozen(kw_only=True)
class Health:
    """Any 2xx means healthy; no body is promised. Source: Kadal reference, 'health'."""

    msg: str | None
    raw: Any = raw_field()
    call: CallRecord | None = call_field()

    @classmethod
    def read(cls, reply: Reply) -> Health:
        """Read one."""
        value: Any = {}
        with suppress(InvalidResponse):
            value = reply.json()
        return cls(msg=Fields(value).text("msg") if isinstance(value, dict) else None, raw=value)


@frozen(kw_only=True)
class ChatReply(JsonModel):
    """Source: Kadal reference, 'Post Chat by Bot ID' and 'Get Chat by Bot ID'."""

    message: str = required(as_text)
    message_id: str | None = optional(as_id)


@frozen(kw_only=True)
class Common(JsonModel):
    """Source: Kadal reference, 'ResponseCommon'. A 204 has no fields."""

    message: str | None = optional(as_text)


@frozen(kw_only=True)
class FeedbackRow(JsonModel):
    """Source: Kadal reference, 'BotResponseFeedbackResp'. A 204 has no fields."""

    id: str | None = optional(as_id)
    bot_response_id: str | None = optional(as_id)
    is_positive: bool | None = optional(as_boolean)
    rating_id: int | None = optional(as_integer)
    comment: str | None = optional(as_text)


@frozen(kw_only=True)
class ChatRow(JsonModel):
    """One question with its answer; either text may be null. Source: Kadal reference, 'List Chats', and the v7 listing.

    Attributes:
        id: `bot_response_id` in v1; `query_response_id`, or else `_id`, in v7.
        created_at, is_cleared, is_positive: in v7 only.
    """

    id: str | None = optional(as_id, "bot_response_id", "query_response_id", "_id")
    user_query: str = optional(as_text, default="")
    bot_response: str = optional(as_text, default="")
    created_at: datetime | None = optional(as_time, "creation_time")
    is_cleared: bool | None = optional(as_boolean)
    is_positive: bool | None = optional(as_boolean)


@frozen(kw_only=True)
class ChatList:
    """One page of a history. Source: Kadal reference, 'List Chats' (`ResponseList`), and the v7 listing.

    Attributes:
        total: roughly the number of rows; the reference does not say what it counts.
    """

    rows: tuple[ChatRow, ...]
    total: int | None = None
    raw: Any = raw_field()
    call: CallRecord | None = call_field()

    @classmethod
    def read(cls, reply: Reply) -> ChatList:
        """Read one."""
        page = Fields(read_body(reply))
        data = page.raw.get("data")
        rows, pointer = (data.get("chat_hist"), "/data/chat_hist") if isinstance(data, dict) else (data, "/data")
        total = page.integer("total_count")
        return cls(
            rows=parse_objects(rows, ChatRow, pointer),
            total=page.integer("total_skill_count") if total is None else total,
            raw=page.raw,
        )

    def is_last(self, seen: int, page_size: int) -> bool:
        """Whether this is the last page; `seen` counts the rows so far. A short page alone proves nothing."""
        return not self.rows or (self.total is not None and seen >= self.total and len(self.rows) < page_size)
