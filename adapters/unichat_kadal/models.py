"""Models of Kadal's responses: the fields that unichat reads. Everything else is in `raw`."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import frozen

from unichat.adapter import Fields, Reply, parse_objects, raw_field
from unichat.errors import InvalidResponse


def read_body(reply: Reply) -> Any:
    """Return the reply's JSON; if it is a string that holds a JSON object, as has been seen in public, that object."""
    value = reply.json()
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return Reply(reply.status, reply.headers, value.encode()).json()
    return value


@frozen(kw_only=True)
class Health:
    """Any 2xx means healthy; no body is promised. Source: Kadal reference, 'health'."""

    msg: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, reply: Reply) -> Health:
        """Read one."""
        value: Any = {}
        with suppress(InvalidResponse):
            value = reply.json()
        return cls(msg=Fields(value).text("msg") if isinstance(value, dict) else None, raw=value)


@frozen(kw_only=True)
class ChatReply:
    """Source: Kadal reference, 'Post Chat by Bot ID' and 'Get Chat by Bot ID'."""

    message: str
    message_id: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, reply: Reply) -> ChatReply:
        """Read one; `message` is required, and null counts as empty."""
        row = Fields(read_body(reply))
        return cls(message=row.require_text("message"), message_id=row.id("message_id"), raw=row.raw)


@frozen(kw_only=True)
class Common:
    """Source: Kadal reference, 'ResponseCommon'. A 204 has no fields."""

    message: str
    raw: Any = raw_field()

    @classmethod
    def read(cls, reply: Reply) -> Common:
        """Read one."""
        row = Fields(read_body(reply) if reply.body else {})
        return cls(message=row.text("message") or "", raw=row.raw)


@frozen(kw_only=True)
class FeedbackRow:
    """Source: Kadal reference, 'BotResponseFeedbackResp'. A 204 has no fields."""

    id: str | None
    bot_response_id: str | None
    is_positive: bool | None
    rating_id: int | None
    comment: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, reply: Reply) -> FeedbackRow:
        """Read one."""
        row = Fields(read_body(reply) if reply.body else {})
        return cls(
            id=row.id("id"),
            bot_response_id=row.id("bot_response_id"),
            is_positive=row.boolean("is_positive"),
            rating_id=row.integer("rating_id"),
            comment=row.text("comment"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class ChatRow:
    """One question with its answer. Source: Kadal reference, 'List Chats'; the v7 listing has more.

    Attributes:
        id: `bot_response_id` in v1; `query_response_id`, or else `_id`, in v7.
    """

    id: str | None
    user_query: str
    bot_response: str
    created_at: datetime | None
    is_cleared: bool | None
    is_positive: bool | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> ChatRow:
        """Read one; either text may be null."""
        return cls(
            id=row.id("bot_response_id") or row.id("query_response_id") or row.id("_id"),
            user_query=row.text("user_query") or "",
            bot_response=row.text("bot_response") or "",
            created_at=row.time("creation_time"),
            is_cleared=row.boolean("is_cleared"),
            is_positive=row.boolean("is_positive"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class ChatList:
    """One page of a history. Source: Kadal reference, 'List Chats' (`ResponseList`), and the v7 listing.

    Attributes:
        total: roughly the number of rows; the reference does not say what it counts.
    """

    rows: tuple[ChatRow, ...]
    total: int | None = None
    raw: Any = raw_field()

    @classmethod
    def read(cls, reply: Reply) -> ChatList:
        """Read one."""
        page = Fields(read_body(reply))
        data = page.raw.get("data")
        rows, pointer = (data.get("chat_hist"), "/data/chat_hist") if isinstance(data, dict) else (data, "/data")
        total = page.integer("total_count")
        return cls(
            rows=parse_objects(rows, ChatRow.read, pointer),
            total=page.integer("total_skill_count") if total is None else total,
            raw=page.raw,
        )

    def is_last(self, seen: int, page_size: int) -> bool:
        """Whether this is the last page; `seen` counts the rows so far. A short page alone proves nothing."""
        return not self.rows or (self.total is not None and seen >= self.total and len(self.rows) < page_size)
