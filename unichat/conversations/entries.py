"""A message, and what it gets when it enters the queue of its conversation: a turn, a wait, or an answer."""

from __future__ import annotations

from attrs import frozen

from unichat.conversations.encoding import without_state
from unichat.conversations.messages import Part
from unichat.models import Answer

JOINED = Answer(text="", began="joined")
"""What a message gets that was asked together with a later one."""


@frozen(kw_only=True)
class Message:
    """A message that has not been answered yet.

    Attributes:
        token: its own, which no other message has.
        gives_up_after: seconds that it waits at most.
        question_limit: the longest question that the vendor takes; None for any.
    """

    conversation: str
    part: Part
    token: str
    overlap: str
    lease: float
    event_ttl: float
    gives_up_after: float
    question_limit: int | None


@frozen
class SentQuestion:
    """How a question went out, as it is kept until its answer is known.

    Attributes:
        at: when; in seconds since 1970.
        thread: the thread that its conversation had then, in its text form; None if it had none.
        resets: how often the conversation had been reset by then; None if that was not kept.
    """

    at: float
    thread: str | None
    resets: int | None


@frozen(kw_only=True)
class QueueTurn:
    """A message whose question may be asked now.

    Attributes:
        parts: what to ask, in order; the message's own is the last.
        asked_at: when the turn began.
        thread: the conversation's thread in its text form; None if there is none.
        resets: how often the conversation had been reset.
        speaker: the first one who spoke in it.
        shared: whether there are others, as far as known.
        lost: if the question was out before and its answer was lost: how it went out.
        event_is_new: whether nothing is kept of the message's event yet.
    """

    message: Message
    ticket: int
    parts: tuple[Part, ...]
    asked_at: float
    thread: str | None
    resets: int
    speaker: str | None
    shared: bool
    lost: SentQuestion | None = None
    event_is_new: bool = False

    @property
    def question(self) -> str:
        """All parts as one question."""
        return "\n\n".join(part.text for part in self.parts)

    @property
    def sent(self) -> SentQuestion:
        """How the question goes out."""
        return SentQuestion(self.asked_at, without_state(self.thread), self.resets)

    def stands_as(self, sent: SentQuestion) -> bool:
        """Whether the conversation is in the thread in which it was when a question of it went out."""
        return without_state(self.thread) == sent.thread and sent.resets in (None, self.resets)


@frozen
class Waiting:
    """The message waits: with a ticket, or for another delivery of its event, without one.

    Attributes:
        behind: the tokens of the messages that it waits for.
    """

    ticket: int | None
    behind: tuple[str, ...] = ()


@frozen
class Refused:
    """Another message has the turn, and this one does not want to wait."""


Entry = QueueTurn | Waiting | Refused | Answer
"""What a message gets."""
