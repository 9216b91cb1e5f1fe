"""Kapa's answers and rows as shared models, and shared models as Kapa's JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unichat.adapter import drop_none
from unichat.models import Answer, Comment, Exchange, ThreadRef, User
from unichat_kapa.models import ChatReply, QuestionAnswer


def user_to_json(user: User) -> dict[str, Any]:
    """Return the `user` object. Source: Kapa reference, 'Chat' (EndUserInfo)."""
    return drop_none(
        unique_client_id=user.id,
        email=user.email,
        fingerprint_id=user.fingerprint_id,
        slack_id=user.slack_id,
        discord_id=user.discord_id,
        metadata=user.metadata,
    )


def comment_to_json(comment: Comment) -> dict[str, Any]:
    """Return the `comment` object. Source: Kapa reference, 'Upsert feedback' (FeedbackComment)."""
    return drop_none(
        issue=comment.text,
        incorrect=comment.incorrect,
        irrelevant=comment.irrelevant,
        unaddressed=comment.unaddressed,
    )


def reply_to_answer(reply: ChatReply, scope: str, thread: ThreadRef | None) -> Answer:
    """Return the answer to a question in `thread`; `scope` is the project."""
    return Answer(
        text=reply.answer,
        id=reply.question_answer_id,
        thread=ThreadRef("kapa", reply.thread_id, scope=scope) if reply.thread_id else thread,
        sources=reply.relevant_sources,
        uncertain=reply.is_uncertain,
        raw=reply.raw,
    )


def rows_to_exchanges(
    rows: Sequence[QuestionAnswer], scope: str, thread: ThreadRef | None = None
) -> tuple[Exchange, ...]:
    """Return the exchanges of a project's rows, or of those of `thread`; `scope` is the project."""
    # Rows of one thread share its reference, which costs nearly as much as the rest of an exchange.
    ids = {row.thread_id for row in rows if row.thread_id is not None}
    threads: dict[str | None, ThreadRef] = {each: ThreadRef("kapa", each, scope=scope) for each in ids}
    belongs_to = ("kapa", scope)
    return tuple(
        [
            Exchange(
                question=row.question,
                answer=row.answer,
                id=row.id,
                thread=threads.get(row.thread_id, thread),
                created_at=row.created_at,
                sources=row.relevant_sources,
                feedback=row.feedback,
                uncertain=row.is_uncertain,
                raw=row.raw,
                belongs_to=belongs_to,
            )
            for row in rows
        ]
    )


def sort_by_time(rows: Sequence[QuestionAnswer]) -> list[QuestionAnswer]:
    """Return the rows, oldest first if all have times: the reference promises no order within a thread."""
    times = {row.id: row.created_at for row in rows if row.created_at is not None}
    return sorted(rows, key=lambda row: times[row.id]) if len(times) == len(rows) else list(rows)
