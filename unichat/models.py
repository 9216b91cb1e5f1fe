"""What is said, in any vendor's service: answers, threads, exchanges, sources, users and ratings.

All models are frozen, compare by value, copy and pickle. `raw` is the vendor's own JSON; it does not take part in
comparison.
"""

from __future__ import annotations

import enum
import html
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, unquote

from attrs import field, frozen

from unichat._text.printable import has_lone_surrogate, quoted
from unichat._text.templates import Template, Term
from unichat.errors import InvalidInput
from unichat.record import CallRecord


def _raw() -> Any:
    return field(factory=dict, eq=False, repr=False, kw_only=True)


@frozen
class Source:
    """A source that an answer is based on.

    Attributes:
        url: its address; empty if the vendor gives none.
        title: its title; empty if the vendor gives none.
        internal: whether the vendor marks it as internal data; None where it does not say.
    """

    url: str
    title: str = ""
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


# backend:version:id[,key=value...]~checksum, every part percent-encoded, so that a reference survives a shell,
# a URL, a CSV file and a log line. The checksum detects a truncated or altered text.
_TEXT_FORM = re.compile(
    r"(?P<backend>[a-z][a-z0-9_-]*):(?P<version>[0-9]{1,9}):(?P<body>[!-~]+)~(?P<check>[0-9a-f]{8})"
)
_BACKEND = re.compile(r"[a-z][a-z0-9_-]*")
_TEXT_LIMIT = 16_384
_OPTIONAL_PARTS = ("user", "scope", "position", "state")
_STATE = re.compile(r"state=[^,~]*")


@lru_cache(maxsize=64)
def _is_name(backend: str) -> bool:
    # There are only a few, but a history makes a reference for each row.
    return _BACKEND.fullmatch(backend) is not None


@frozen
class ThreadRef:
    """Where a conversation can be continued. `str(ref)` can be stored anywhere; `ThreadRef.parse` reads it back.

    Attributes:
        backend: the adapter that it belongs to; another one rejects it (`ThreadMismatch`).
        id: the thread's id.
        user: the bot's id for the person whose thread it is, where the backend needs it again.
        scope: the bot that the thread belongs to, where the backend's threads belong to one.
        position: the newest answer known when the reference was made; it does not take part in comparison.
        state: the conversation itself, where the vendor keeps none and the client was told to keep it here. It takes no
            part in comparison, and `repr` and errors do not show it; the text form holds it.
    """

    backend: str
    id: str
    user: str | None = field(default=None, kw_only=True)
    scope: str | None = field(default=None, kw_only=True)
    position: str | None = field(default=None, kw_only=True, eq=False)
    state: str | None = field(
        default=None, kw_only=True, eq=False, repr=lambda state: "None" if state is None else "***"
    )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.backend, str) or not _is_name(self.backend):
            raise _thread_error(self.backend, "its backend is not a valid adapter name", "backend")
        if (
            self.user is self.scope is self.position is self.state is None
            and type(self.id) is str
            and 0 < len(self.id) < 1000
        ):
            # Most references are like this, and a history makes one for each row.
            if has_lone_surrogate(self.id):
                raise _thread_error(self.id, "its id holds a lone surrogate", "id")
            return
        for name in ("id", *_OPTIONAL_PARTS):
            value = getattr(self, name)
            if value is None and name != "id":
                continue
            if not isinstance(value, str) or not value:
                raise _thread_error(value, f"its {name} must be text that is not empty", name)
            if has_lone_surrogate(value):
                raise _thread_error(value, f"its {name} holds a lone surrogate", name)
        length = sum(len(value) for value in (self.id, self.user, self.scope, self.position, self.state) if value)
        # Percent-encoding makes at most twelve characters of one: shorter references need no check.
        if length * 12 > _TEXT_LIMIT - 100 and len(str(self)) > _TEXT_LIMIT:
            raise _thread_error(self.id, f"its text would be over {_TEXT_LIMIT:,} characters long", limit=_TEXT_LIMIT)

    def __str__(self) -> str:
        parts = [_encode(self.id)]
        for name in _OPTIONAL_PARTS:
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}={_encode(value)}")
        text = f"{self.backend}:1:{','.join(parts)}"
        return f"{text}~{zlib.crc32(text.encode()):08x}"

    @classmethod
    def parse(cls, text: str) -> ThreadRef:
        """Return the reference whose text form, `str(ref)`, is `text`.

        Raises:
            InvalidInput: not text, empty, over 16,384 characters, cut short, altered, or of an unknown version.
        """
        if not isinstance(text, str):
            raise _thread_error(text, "it is not text")
        if not text:
            raise _thread_error(text, "it is empty")
        if len(text) > _TEXT_LIMIT:
            raise _thread_error(text, f"it is {len(text):,} characters long", limit=_TEXT_LIMIT)
        match = _TEXT_FORM.fullmatch(text)
        if match is None:
            raise _thread_error(text, "it is cut short, or was not made by str(thread)")
        if match["version"] != "1":
            raise _thread_error(text, f"its version is {match['version']}, and this unichat reads version 1")
        if f"{zlib.crc32(text[:-9].encode()):08x}" != match["check"]:
            raise _thread_error(text, "its checksum does not match: it was truncated or altered")
        identity, *pairs = match["body"].split(",")
        return cls(match["backend"], unquote(identity), **_parse_pairs(text, pairs))


def _encode(value: str) -> str:
    # quote() leaves the tilde alone, and an id that ends like a checksum would then survive a cut.
    return quote(value, safe="").replace("~", "%7E")


def _parse_pairs(text: str, pairs: list[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if name not in _OPTIONAL_PARTS or not equals or name in known:
            raise _thread_error(text, f"{quoted(pair)} is not part of a reference")
        known[name] = unquote(value)
    return known


def _thread_error(value: object, problem: str, argument: str = "thread", limit: int | None = None) -> InvalidInput:
    if isinstance(value, str):
        value = _STATE.sub("state=***", value)
    return InvalidInput(
        f"{quoted(value)} is not a thread reference: {problem}",
        hint=Template("Pass ", Term("answer.thread or str(answer.thread)"), "."),
        argument=argument,
        value=quoted(value),
        limit=limit,
    )


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
    call: CallRecord | None = field(default=None, eq=False, repr=False)
    raw: Any = _raw()

    def _repr_html_(self) -> str:
        """Return the answer as escaped HTML with its sources, for notebooks."""
        paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in self.text.split("\n\n") if part.strip())
        items = "".join(f"<li>{_link(source)}</li>" for source in self.sources)
        doubt = "<p><em>The vendor marks this answer as uncertain.</em></p>" if self.uncertain else ""
        sources = f"<p>Sources</p><ul>{items}</ul>" if items else ""
        return f'<div class="unichat-answer">{paragraphs}{doubt}{sources}</div>'


def _link(source: Source) -> str:
    label = html.escape(source.title or source.url)
    # Only web addresses become links: a `javascript:` URL from a vendor would run in the reader's notebook.
    if source.url.lower().startswith(("https://", "http://")):
        return f'<a href="{html.escape(source.url)}" rel="noopener noreferrer">{label}</a>'
    return label


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
        question, answer: both text; empty where the vendor has null.
        id: the answer's id, which `feedback` takes.
        thread: the thread it belongs to, if the vendor says.
        created_at: timezone-aware, or None where the vendor gives none.
        sources: as far as the vendor's history has them.
        feedback: the ratings that the history shows.
        uncertain: whether the vendor marks it as uncertain; None where it does not say.
        cleared: whether clearing removed it from the conversation; None where the vendor does not say.
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
        message: the vendor's own message.
    """

    outcome: ClearOutcome
    user: str | None = None
    message: str = ""
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
