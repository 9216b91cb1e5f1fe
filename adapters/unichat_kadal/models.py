"""The shapes of Kadal's answers: what unichat reads of them; everything else stands under `raw`."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import field, frozen

from unichat.adapter import Fields, Reply, parse_objects
from unichat.errors import InvalidResponse


def _raw() -> Any:
    return field(factory=dict, eq=False, repr=False, kw_only=True)


def body_of(reply: Reply) -> Any:
    """Return the reply's JSON; a text that holds a JSON object is read once more, as a public caller had to."""
    value = reply.json()
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return Reply(reply.status, reply.headers, value.encode()).json()
    return value


@frozen(kw_only=True)
class Health:
    """Any 2xx is healthy; the body is not promised. Source: Kadal reference, 'health'."""

    msg: str | None
    raw: Any = _raw()

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
    raw: Any = _raw()

    @classmethod
    def read(cls, reply: Reply) -> ChatReply:
        """Read one; `message` is needed, and null counts as empty."""
        row = Fields(body_of(reply))
        return cls(message=row.require_text("message"), message_id=row.id("message_id"), raw=row.raw)


@frozen(kw_only=True)
class Common:
    """Source: Kadal reference, 'ResponseCommon'. A 204 has neither."""

    message: str
    raw: Any = _raw()

    @classmethod
    def read(cls, reply: Reply) -> Common:
        """Read one."""
        row = Fields(body_of(reply) if reply.body else {})
        return cls(message=row.text("message") or "", raw=row.raw)


@frozen(kw_only=True)
class FeedbackRow:
    """Source: Kadal reference, 'BotResponseFeedbackResp'. A 204 has none of it."""

    id: str | None
    bot_response_id: str | None
    is_positive: bool | None
    rating_id: int | None
    comment: str | None
    raw: Any = _raw()

    @classmethod
    def read(cls, reply: Reply) -> FeedbackRow:
        """Read one."""
        row = Fields(body_of(reply) if reply.body else {})
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
    raw: Any = _raw()

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
        total: a hint at the number of rows in all; what it counts is not said.
    """

    rows: tuple[ChatRow, ...]
    total: int | None = None
    raw: Any = _raw()

    @classmethod
    def read(cls, reply: Reply) -> ChatList:
        """Read one."""
        page = Fields(body_of(reply))
        data = page.raw.get("data")
        rows, pointer = (data.get("chat_hist"), "/data/chat_hist") if isinstance(data, dict) else (data, "/data")
        total = page.integer("total_count")
        return cls(
            rows=parse_objects(rows, ChatRow.read, pointer),
            total=page.integer("total_skill_count") if total is None else total,
            raw=page.raw,
        )

    def is_last(self, seen: int, page_size: int) -> bool:
        """Whether nothing follows, after `seen` rows with this page's. Neither a short page nor the total proves it."""
        return not self.rows or (self.total is not None and seen >= self.total and len(self.rows) < page_size)
