"""Models of Kapa's responses: the fields that unichat reads. Everything else is in `raw`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import frozen

from unichat.adapter import Fields, parse_objects, raw_field, unexpected_value
from unichat.models import Comment, Feedback, Rating, Source

T = TypeVar("T")


def read_source(row: Fields) -> Source:
    """Return a source of an answer. Source: Kapa reference, 'Chat' (`relevant_sources`)."""
    return Source(
        url=row.text("source_url") or "",
        title=row.text("title") or "",
        internal=row.boolean("contains_internal_data"),
        raw=row.raw,
    )


def read_sources(row: Fields) -> tuple[Source, ...]:
    """Return the `relevant_sources`: a list in answers, but text or null in a retrieved thread, which count as none."""
    return row.objects("relevant_sources", read_source)


@frozen(kw_only=True)
class Project:
    """Source: Kapa reference, 'Retrieve a project'."""

    id: str | None
    team: str | None
    project_name: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> Project:
        """Read one."""
        return cls(id=row.id("id"), team=row.id("team"), project_name=row.text("project_name"), raw=row.raw)


@frozen(kw_only=True)
class KnowledgeSource:
    """A source that answers are made from. Source: Kapa reference, 'List all sources'."""

    id: str | None
    name: str | None
    type: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> KnowledgeSource:
        """Read one."""
        return cls(id=row.id("id"), name=row.text("name"), type=row.text("type"), raw=row.raw)


@frozen(kw_only=True)
class Integration:
    """Source: Kapa reference, 'List all integrations'."""

    id: str | None
    name: str | None
    integration_type: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> Integration:
        """Read one."""
        return cls(
            id=row.id("id"),
            name=row.text("name"),
            integration_type=row.text("integration_type"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class ChatReply:
    """Source: Kapa reference, 'Chat', 'Chat in thread', 'Custom chat'."""

    answer: str
    thread_id: str | None
    question_answer_id: str | None
    is_uncertain: bool | None
    relevant_sources: tuple[Source, ...]
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> ChatReply:
        """Read one; `answer` is required."""
        return cls(
            answer=row.require_text("answer"),
            thread_id=row.id("thread_id"),
            question_answer_id=row.id("question_answer_id"),
            is_uncertain=row.boolean("is_uncertain"),
            relevant_sources=read_sources(row),
            raw=row.raw,
        )


@frozen(kw_only=True)
class SearchResult:
    """Source: Kapa reference, 'Search'; the newer retrieval gives `content` and `source_url` only."""

    content: str
    source_url: str | None
    title: str | None
    source_type: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> SearchResult:
        """Read one."""
        return cls(
            content=row.text("content") or "",
            source_url=row.text("source_url"),
            title=row.text("title"),
            source_type=row.text("source_type"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class FeedbackRow:
    """Source: Kapa reference, 'Upsert feedback'."""

    id: str | None
    question_answer: str | None
    reaction: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> FeedbackRow:
        """Read one."""
        return cls(
            id=row.id("id"),
            question_answer=row.id("question_answer"),
            reaction=row.text("reaction"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class Activity:
    """Statistics. The live API has renamed some; all of them are in `raw`. Source: Kapa reference, 'Activity'."""

    time_series: tuple[dict[str, Any], ...]
    aggregate_statistics: dict[str, Any]
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> Activity:
        """Read one."""
        statistics = row.raw.get("aggregate_statistics")
        return cls(
            time_series=row.objects("time_series", lambda period: period.raw),
            aggregate_statistics=statistics if isinstance(statistics, dict) else {},
            raw=row.raw,
        )


@frozen(kw_only=True)
class EndUser:
    """Source: Kapa reference, 'List End Users'."""

    id: str | None
    email: str | None
    unique_client_id: str | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> EndUser:
        """Read one."""
        return cls(
            id=row.id("id"),
            email=row.text("email"),
            unique_client_id=row.id("unique_client_id"),
            raw=row.raw,
        )


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
class QuestionAnswer:
    """Source: Kapa reference, 'List Question Answers' and 'Retrieve a thread'."""

    id: str
    thread_id: str | None
    question: str
    answer: str
    is_uncertain: bool | None
    end_user_id: str | None
    created_at: datetime | None
    feedback: tuple[Feedback, ...]
    relevant_sources: tuple[Source, ...]
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> QuestionAnswer:
        """Read one; `id` is required, and `question` and `answer` may be null (redacted)."""
        return cls(
            id=row.require_id("id"),
            thread_id=row.id("thread_id"),
            question=row.text("question") or "",
            answer=row.text("answer") or "",
            is_uncertain=row.boolean("is_uncertain"),
            end_user_id=row.id("end_user_id"),
            created_at=row.time("created_at"),
            feedback=tuple(item for item in row.objects("feedback", _read_feedback) if item is not None),
            relevant_sources=read_sources(row),
            raw=row.raw,
        )


@frozen(kw_only=True)
class Thread:
    """Source: Kapa reference, 'Retrieve a thread'."""

    id: str | None
    question_answers: tuple[QuestionAnswer, ...]
    created_at: datetime | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> Thread:
        """Read one."""
        rows = row.raw.get("question_answers", [])
        return cls(
            id=row.id("id"),
            question_answers=parse_objects(rows or [], QuestionAnswer.read, "/question_answers"),
            created_at=row.time("created_at"),
            raw=row.raw,
        )


@frozen(kw_only=True)
class Listing(Generic[T]):
    """One page of a list, in any form that Kapa uses: bare, with a count, with links, or a single object.

    Attributes:
        count: how many rows the list has, if the page says so.
        more: whether there is a next page, if the page says so.
        next_cursor: the list of threads only: the cursor of the next page.
    """

    items: tuple[T, ...]
    count: int | None = None
    more: bool | None = None
    next_cursor: str | None = None
    raw: Any = raw_field()

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
    def read(cls, value: object, read: Callable[[Fields], T]) -> Listing[T]:
        """Read one."""
        if isinstance(value, list):
            return cls(items=parse_objects(value, read), raw=value)
        if not isinstance(value, dict):
            raise unexpected_value("", "a list of rows", value)
        if "results" not in value:
            # The reference shows the list of end users as one object.
            return cls(items=(read(Fields(value)),), count=1, raw=value)
        page = Fields(value)
        more = bool(value["next"]) if "next" in value else None
        if "next_cursor" in value:
            more = bool(value["next_cursor"])
        return cls(
            items=parse_objects(value["results"], read, "/results"),
            count=page.integer("count"),
            more=more,
            next_cursor=page.text("next_cursor"),
            raw=value,
        )


@frozen(kw_only=True)
class ThreadSummary:
    """A thread in the list of threads (newer than the reference)."""

    id: str | None
    created_at: datetime | None
    last_activity_at: datetime | None
    raw: Any = raw_field()

    @classmethod
    def read(cls, row: Fields) -> ThreadSummary:
        """Read one."""
        return cls(
            id=row.id("id"),
            created_at=row.time("created_at"),
            last_activity_at=row.time("last_activity_at"),
            raw=row.raw,
        )
