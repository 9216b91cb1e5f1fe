"""Models of Kapa's responses: the fields that unichat reads. Everything else is in `raw`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import frozen

from unichat.adapter import (
    CallRecord,
    Fields,
    JsonModel,
    Reader,
    as_boolean,
    as_id,
    as_objects,
    as_text,
    as_time,
    call_field,
    optional,
    parse_objects,
    raw_field,
    required,
    unexpected_value,
)
from unichat.models import Comment, Feedback, Rating, Source

T = TypeVar("T")


def read_source(row: Fields) -> Source:
    """Return a source of an answer. Source: Kapa reference, 'Chat' (`relevant_sources`)."""
    return Source(
        url=row.text("source_url"),
        title=row.text("title"),
        internal=row.boolean("contains_internal_data"),
        raw=row.raw,
    )


as_sources = as_objects(read_source)
"""`relevant_sources`: a list in answers, but text or null in a retrieved thread, which count as none."""


@frozen(kw_only=True)
class Project(JsonModel):
    """Source: Kapa reference, 'Retrieve a project'."""

    id: str | None = optional(as_id)
    team: str | None = optional(as_id)
    project_name: str | None = optional(as_text)


@frozen(kw_only=True)
class KnowledgeSource(JsonModel):
    """A source that answers are made from. Source: Kapa reference, 'List all sources'."""

    id: str | None = optional(as_id)
    name: str | None = optional(as_text)
    type: str | None = optional(as_text)


@frozen(kw_only=True)
class Integration(JsonModel):
    """Source: Kapa reference, 'List all integrations'."""

    id: str | None = optional(as_id)
    name: str | None = optional(as_text)
    integration_type: str | None = optional(as_text)


@frozen(kw_only=True)
class ChatReply(JsonModel):
    """Source: Kapa reference, 'Chat', 'Chat in thread', 'Custom chat'."""

    answer: str = required(as_text)
    thread_id: str | None = optional(as_id)
    question_answer_id: str | None = optional(as_id)
    is_uncertain: bool | None = optional(as_boolean)
    relevant_sources: tuple[Source, ...] = optional(as_sources)


@frozen(kw_only=True)
class SearchResult(JsonModel):
    """Source: Kapa reference, 'Search'; the newer retrieval gives `content` and `source_url` only."""

    content: str = optional(as_text, default="")
    source_url: str | None = optional(as_text)
    title: str | None = optional(as_text)
    source_type: str | None = optional(as_text)


@frozen(kw_only=True)
class FeedbackRow(JsonModel):
    """Source: Kapa reference, 'Upsert feedback'."""

    id: str | None = optional(as_id)
    question_answer: str | None = optional(as_id)
    reaction: str | None = optional(as_text)


_as_statistics = Reader(lambda value, _: value if isinstance(value, dict) else {}, "an object")


@frozen(kw_only=True)
class Activity(JsonModel):
    """Statistics. The live API has renamed some; all of them are in `raw`. Source: Kapa reference, 'Activity'."""

    time_series: tuple[dict[str, Any], ...] = optional(as_objects(lambda period: period.raw))
    aggregate_statistics: dict[str, Any] = optional(_as_statistics)


@frozen(kw_only=True)
class EndUser(JsonModel):
    """Source: Kapa reference, 'List End Users'."""

    id: str | None = optional(as_id)
    email: str | None = optional(as_text)
    unique_client_id: str | None = optional(as_id)


_REACTIONS = {"upvote": Rating.UP, "downvote": Rating.DOWN}


def _read_feedback(row: Fields) -> Feedback | None:
    rating = _REACTIONS.get(row.text("reaction") or "")
    if rating is None:
        return None
    flags = {name: row.boolean(name) or False for name in ("incorrect", "irrelevant", "unaddressed")}
    text = row.text("comment")
    comment = Comment(text, **flags) if text or any(flags.values()) else None
    return Feedback(rating=rating, comment=comment, created_at=row.time("created_at"), raw=row.raw)


@frozen(kw_only=True)
class QuestionAnswer(JsonModel):
    """Source: Kapa reference, 'List Question Answers' and 'Retrieve a thread'. Redacted texts are empty."""

    id: str = required(as_id)
    thread_id: str | None = optional(as_id)
    question: str = optional(as_text, default="")
    answer: str = optional(as_text, default="")
    is_uncertain: bool | None = optional(as_boolean)
    end_user_id: str | None = optional(as_id)
    created_at: datetime | None = optional(as_time)
    feedback: tuple[Feedback, ...] = optional(as_objects(_read_feedback))
    relevant_sources: tuple[Source, ...] = optional(as_sources)


@frozen(kw_only=True)
class Thread(JsonModel):
    """Source: Kapa reference, 'Retrieve a thread'."""

    id: str | None = optional(as_id)
    question_answers: tuple[QuestionAnswer, ...] = optional(as_objects(QuestionAnswer, strict=True))
    created_at: datetime | None = optional(as_time)


@frozen(kw_only=True)
class Listing(Generic[T]):
    """One page of a list, in any form that Kapa uses: bare, with a count, with links, or a single object.

    Attributes:
        count: how many rows the list has, if the page says so.
        more: whether there is a next page, if the page says so.
        next_cursor: of lists with a cursor: that of the next page.
    """

    items: tuple[T, ...]
    count: int | None = None
    more: bool | None = None
    next_cursor: str | None = None
    raw: Any = raw_field()
    call: CallRecord | None = call_field()

    def is_last(self, seen: int, page_size: int) -> bool:
        """Whether this is the last page; `seen` counts the rows so far, including this page's.

        A short page proves nothing (a vendor may cap the size), and neither does a count (it may be off), but both do.
        """
        if not self.items:
            # Pages are numbered: after an empty one there is nothing, whatever it claims.
            return True
        if self.more is not None:
            return not self.more
        return self.count is not None and seen >= self.count and len(self.items) < page_size

    @classmethod
    def read(cls, value: object, item: Callable[[Fields], T] | type[T], key: str = "results") -> Listing[T]:
        """Read one; `item` is the model of its rows, or a function that reads one; `key` is where they stand."""
        if isinstance(value, list):
            return cls(items=parse_objects(value, item), raw=value)
        if not isinstance(value, dict):
            raise unexpected_value("", "a list of rows", value)
        if key not in value and key == "results":
            # The reference shows the list of end users as one object.
            return cls(items=parse_objects([value], item), count=1, raw=value)
        page = Fields(value)
        more = bool(value["next"]) if "next" in value else None
        if "next_cursor" in value:
            more = bool(value["next_cursor"])
        return cls(
            items=parse_objects(value.get(key), item, f"/{key}"),
            count=page.integer("count"),
            more=more,
            next_cursor=page.text("next_cursor"),
            raw=value,
        )


@frozen(kw_only=True)
class ThreadSummary(JsonModel):
    """A thread in the list of threads (newer than the reference)."""

    id: str | None = optional(as_id)
    created_at: datetime | None = optional(as_time)
    last_activity_at: datetime | None = optional(as_time)
