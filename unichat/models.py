"""The models that all vendors share: answers, threads, exchanges, sources, users and ratings.

All models are frozen, compare by value, copy and pickle. `raw` is the vendor's own JSON; it does not take part in
comparison.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, fields, frozen

from unichat.record import CallRecord
from unichat.references import AnswerRef, ThreadRef

if TYPE_CHECKING:
    from unichat.errors import UnichatError

__all__ = [
    "Answer",
    "AnswerRef",
    "ClearOutcome",
    "ClearResult",
    "Comment",
    "Exchange",
    "Feedback",
    "FeedbackReceipt",
    "Rating",
    "Source",
    "StreamEvent",
    "ThreadRef",
    "User",
    "join_text",
]


def _raw() -> Any:
    return field(factory=dict, eq=False, repr=False, kw_only=True)


def _answer_ref(identity: str | None, thread: ThreadRef | None) -> AnswerRef | None:
    if identity is None or thread is None:
        return None
    return AnswerRef(thread.backend, identity, thread=thread.id, user=thread.user, scope=thread.scope)


@frozen
class Source:
    """A source that an answer is based on.

    Attributes:
        url: its address, as the vendor gives it; None if it gives none.
        title: its title, as the vendor gives it; None if it gives none.
        internal: whether the vendor marks it as internal data; None where it does not say.
    """

    url: str | None
    title: str | None = None
    internal: bool | None = None
    raw: Any = _raw()


@frozen
class User:
    """The person who asks, as far as the bot knows them. `User("id")` and plain text mean the same.

    Attributes:
        id: the bot's own id for the person.
        email, fingerprint_id, slack_id, discord_id: other ids that a vendor may accept.
        metadata: free-form fields about the person, such as `{"company_name": "ACME"}`.
    """

    id: str | None = None
    email: str | None = field(default=None, kw_only=True)
    fingerprint_id: str | None = field(default=None, kw_only=True)
    slack_id: str | None = field(default=None, kw_only=True)
    discord_id: str | None = field(default=None, kw_only=True)
    metadata: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)

    @property
    def ids(self) -> dict[str, str]:
        """The ids that are set, by the names of their attributes, `id` first."""
        return {name: value for name in _USER_IDS if (value := getattr(self, name)) is not None}


_USER_IDS = tuple(item.name for item in fields(User) if item.name != "metadata")


class Rating(enum.Enum):
    """A rating of an answer: thumbs up or thumbs down."""

    UP = "up"
    DOWN = "down"


@frozen
class Comment:
    """A comment on an answer, with flags that some vendors also accept. Plain text means `Comment(text)`."""

    text: str | None = None
    incorrect: bool = field(default=False, kw_only=True)
    irrelevant: bool = field(default=False, kw_only=True)
    unaddressed: bool = field(default=False, kw_only=True)


@frozen(kw_only=True)
class Answer:
    """A vendor's answer to one question.

    Attributes:
        text: the answer, Markdown as the vendor wrote it; may be empty.
        id: what `feedback` takes; None where the vendor gave none.
        thread: where to continue; None where the vendor gave none.
        sources: what it is based on; empty where the vendor gives none.
        uncertain: whether the vendor marks it as uncertain; None where it does not say.
        maybe_duplicated: whether an earlier attempt may have asked the same question (a 500, 502 or 504 can come after
            the work was done).
        began: in a conversation (`unichat.Conversations`), how the question was asked: `continued` or `started` a
            thread; `restarted` one, since the stored one could not be continued; or `joined`, without an answer of its
            own, since a later message was asked together with it. None outside of conversations.
        carried_over: the number of earlier exchanges that were sent along, to a thread that knew nothing of them.
        profile: the name of the route's member that answered, at the bottom of nested routes; None on a plain client.
        call: how the call went: attempts, waits, time.
        raw: the vendor's JSON.
    """

    text: str
    id: str | None = None
    thread: ThreadRef | None = None
    sources: tuple[Source, ...] = ()
    uncertain: bool | None = None
    maybe_duplicated: bool = False
    began: Literal["continued", "started", "restarted", "joined"] | None = None
    carried_over: int = 0
    profile: str | None = None
    call: CallRecord | None = field(default=None, eq=False, repr=False)
    raw: Any = _raw()

    @property
    def ref(self) -> AnswerRef | None:
        """The answer's reference, which `feedback` takes; None where the vendor gave no id, or no thread."""
        return _answer_ref(self.id, self.thread)

    def _repr_html_(self) -> str:
        """Return the answer as escaped HTML with its sources, for notebooks."""
        from unichat._text.answer_html import render_answer

        sources = [(source.url, source.title) for source in self.sources]
        return render_answer(self.text, sources, uncertain=bool(self.uncertain))


@frozen(kw_only=True)
class Feedback:
    """A rating that the vendor has recorded for an answer."""

    rating: Rating
    comment: Comment | None = None
    created_at: datetime | None = None
    raw: Any = _raw()


@frozen(kw_only=True)
class Exchange:
    """One question with its answer, as the vendor's history has it.

    Attributes:
        question, answer: both text; empty where the vendor has null, which is how vendors redact. `raw` has which.
        id: the answer's id, which `feedback` takes.
        thread: the thread it belongs to, if the vendor says.
        created_at: timezone-aware, or None where the vendor gives none.
        sources: as far as the vendor's history has them.
        feedback: the ratings that the history shows.
        uncertain: whether the vendor marks it as uncertain; None where it does not say.
        cleared: whether clearing removed it from the conversation; None where the vendor does not say.
        belongs_to: for adapters: the backend and the bot or project of an exchange that has no thread.
    """

    question: str
    answer: str
    id: str | None = None
    thread: ThreadRef | None = None
    created_at: datetime | None = None
    sources: tuple[Source, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    uncertain: bool | None = None
    cleared: bool | None = None
    raw: Any = _raw()
    _belongs_to: tuple[str, str | None] | None = field(default=None, eq=False, repr=False)

    @property
    def ref(self) -> AnswerRef | None:
        """The answer's reference, which `feedback` takes; None where the vendor gave no id."""
        if self.thread is None and self.id is not None and self._belongs_to is not None:
            backend, scope = self._belongs_to
            return AnswerRef(backend, self.id, scope=scope)
        return _answer_ref(self.id, self.thread)

    def to_answer(self) -> Answer:
        """Return the answer of the exchange, as `chat` would have."""
        return Answer(
            text=self.answer,
            id=self.id,
            thread=self.thread,
            sources=self.sources,
            uncertain=self.uncertain,
            raw=self.raw,
        )


@frozen(kw_only=True)
class FeedbackReceipt:
    """The vendor's acknowledgement of a rating.

    Attributes:
        id: the feedback's own id; None where the vendor gave none.
        answer_id: the answer rated.
        rating, comment: what was sent.
        sent: False where the vendor takes no ratings, and the caller chose to drop it: nothing was sent.
        call: how the call went.
    """

    answer_id: str
    rating: Rating
    id: str | None = None
    comment: Comment | None = None
    sent: bool = True
    call: CallRecord | None = field(default=None, eq=False, repr=False)
    raw: Any = _raw()


class ClearOutcome(enum.Enum):
    """The outcome of clearing."""

    CLEARED = "cleared"
    """The vendor says that it removed the conversation."""
    NOTHING_TO_CLEAR = "nothing_to_clear"
    """The vendor had no such conversation, and the caller allowed for that (`missing_ok`)."""
    DETACHED = "detached"
    """Nothing was removed, since the vendor cannot, and the caller chose to drop what it cannot do; the next `chat`
    starts a fresh thread anyway."""


@frozen(kw_only=True)
class ClearResult:
    """What `clear_history` did, and to whom.

    Attributes:
        outcome: whether anything was removed.
        user: the person whose conversation it was, where one was named.
        message: the vendor's own message; None where it gave none.
        parts: on a route, by its members' names: each one's result, or the error that says why there is none; empty on
            a plain client.
    """

    outcome: ClearOutcome
    user: str | None = None
    message: str | None = None
    parts: Mapping[str, ClearResult | UnichatError] = field(factory=dict, hash=False)
    call: CallRecord | None = field(default=None, eq=False, repr=False)
    raw: Any = _raw()

    @classmethod
    def detached(cls, user: User | None) -> ClearResult:
        """Return what clearing comes to where it was dropped: nothing was removed."""
        return cls(outcome=ClearOutcome.DETACHED, user=user.id if user else None)


@frozen(kw_only=True)
class StreamEvent:
    """One piece of a streamed answer.

    Attributes:
        type: `text`, `sources`, `identifiers`, `metadata`, or the vendor's own name for anything else.
        text: the piece it adds to the answer; empty where it adds none.
        replaces: whether `text` takes the place of all text before it, as where a vendor moderates what it has said.
        sources: those it adds.
        raw: the vendor's record.
    """

    type: str
    text: str = ""
    sources: tuple[Source, ...] = ()
    raw: Any = _raw()
    replaces: bool = False


def join_text(events: Iterable[StreamEvent]) -> str:
    """Return the text that events amount to: of all events of a stream, it is the answer's.

    Each event's text is added to what there is, or takes its place (`StreamEvent.replaces`).
    """
    texts: list[str] = []
    for event in events:
        if event.replaces:
            texts.clear()
        texts.append(event.text)
    return "".join(texts)
