"""Quirks: what the simulator does where Kapa's documentation is not clear. They can be changed while it runs."""

from __future__ import annotations

from typing import Literal

from attrs import define

Shape = Literal["bare", "count", "next", "object"]
"""The form of a list: `[…]`, `{count, results}`, `{count, next, previous, results}`, or only its first row."""


@define(kw_only=True)
class KapaQuirks:
    """Kapa's open points; the defaults are its reference's samples, or else what its framework usually does."""

    sources_shape: Shape = "count"
    """Reference, 'List all sources'."""
    integrations_shape: Shape = "bare"
    """Reference, 'List all integrations'."""
    question_answers_shape: Shape = "bare"
    """Reference, 'List Question Answers'."""
    end_users_shape: Shape = "next"
    """Reference, 'List End Users': its sample is a single object; a page as in the framework is more likely."""
    past_the_end_of_bare: Literal["empty", "404"] = "empty"
    """A page after the last of a bare list; those with a count answer 404 `Invalid page.`, as the framework does."""
    page_size: int = 25
    """Rows per page by default."""
    page_size_cap: int = 1000
    """Maximum rows per page, whatever is requested."""
    thread_sources: Literal["text", "list", "null"] = "text"
    """`relevant_sources` inside a retrieved thread: JSON text, as its type in the reference, or a list, or null."""
    stream_end: Literal["last", "all", "none"] = "last"
    """Which records of a stream say `stream_end: true`: in the reference's samples, all of them do."""
    agent_activity: bool = False
    """Send `stream_start` and `agent_activity_update` records too, as newer streams do."""
    empty_pieces: int = 2
    """Empty `partial_answer` records before the first with text, as the live API sends them."""
    stream_content_type: str = "text/plain; charset=utf-8"
    """Not documented; the body as a whole is neither JSON nor server-sent events."""
    seconds_between_records: float = 0.0
    """Delay before each record of a stream, in seconds."""
    foreign_project: Literal["404", "403"] = "404"
    """A project that exists but belongs to another key."""
    unknown_answer: Literal["404", "400"] = "404"
    """Feedback on an answer that does not exist (or belongs to another key): not found, or a field error."""
    unknown_integration: Literal["ignore", "400"] = "ignore"
    """A well-formed `integration_id` that is not one of the project's: counted as unknown, or a field error."""
    current_period: bool = True
    """List the current period of top questions and coverage gaps, too: a new sandbox has no other. Kapa's are over."""
    requests_per_minute: int | None = None
    """Requests beyond this with one key are answered with 429 and `Retry-After`; the live limits are unpublished."""
