"""Models of Kapa's analytics of 2026: source groups, and the clusters of questions of a period.

Source: Kapa's documentation and public connectors of 2026.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from unichat.adapter import JsonModel, as_id, as_integer, as_objects, as_text, as_time, optional, required


@frozen(kw_only=True)
class SourceGroup(JsonModel):
    """A group of sources, to which a retrieval can be limited."""

    id: str = required(as_id)
    name: str | None = optional(as_text)


@frozen(kw_only=True)
class Period(JsonModel):
    """A period whose questions were put into clusters: `start_date` and `end_date` are dates, as text."""

    id: str = required(as_id)
    interval: str | None = optional(as_text)
    start_date: str | None = optional(as_text)
    end_date: str | None = optional(as_text)
    total_conversations: int | None = optional(as_integer)


@frozen(kw_only=True)
class ClusterThread(JsonModel):
    """A thread in a cluster, by its first question and answer; the answer may be missing."""

    id: str | None = optional(as_id)
    created_at: datetime | None = optional(as_time)
    initial_question: str = optional(as_text, default="")
    initial_answer: str | None = optional(as_text)


@frozen(kw_only=True)
class Cluster(JsonModel):
    """Questions about the same thing: top questions, or a coverage gap, which may have a `suggestion`.

    Attributes:
        threads: the newest of them, at most 100; `thread_count` counts all.
    """

    id: str | None = optional(as_id)
    title: str = optional(as_text, default="")
    summary: str | None = optional(as_text)
    suggestion: str | None = optional(as_text)
    thread_count: int | None = optional(as_integer)
    num_unique_users: int | None = optional(as_integer)
    threads: tuple[ClusterThread, ...] = optional(as_objects(ClusterThread))
