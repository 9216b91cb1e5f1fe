"""Conversations of vendors that keep none: their turns, which are sent again with each question.

`Transcripts` reads a thread's turns, asks with them, and keeps the new one, under a lock, so that two questions in one
thread do not lose a turn. Where the turns are kept is the store's business: in memory, in the thread's reference, or in
an object of the caller's.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
import zlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, runtime_checkable

from attrs import evolve, field, frozen

from unichat._text.log import log
from unichat._text.templates import Method, Template
from unichat.adapter.checks import drop_unsupported, require_thread, resolve_owner
from unichat.adapter.flows import Flow, as_flow, exclusive
from unichat.adapter.protocol import ChatCall, ClearCall, ConversationCall
from unichat.adapter.setting_checks import positive_integer
from unichat.adapter.settings import CommonSettings, setting
from unichat.errors import InvalidInput, NotFound
from unichat.models import Answer, ClearOutcome, ClearResult, ThreadRef

_MAX_CONVERSATIONS = 10_000
_MAX_PACKED = 12_000
"""Characters of a reference that turns may take; with its other parts, it must be shorter than 16,384."""
_MAX_UNPACKED = 1_000_000
"""Bytes that a reference's turns may unpack to: the reference may have been made by somebody other than unichat."""


@frozen
class Turn:
    """One question with its answer."""

    question: str
    answer: str


@runtime_checkable
class TurnStore(Protocol):
    """Keeps the turns of conversations.

    It is called within a call, on asyncio in the event loop, and from several threads, though never for the same
    conversation at a time by one client. So a method must not wait for long.
    """

    def load(self, thread: ThreadRef) -> Sequence[Turn] | None:
        """Return a thread's turns, oldest first; None if it is not known."""
        ...

    def save(self, thread: ThreadRef, turns: Sequence[Turn]) -> ThreadRef:
        """Keep all of a thread's turns, instead of those that were kept before, and return its reference."""
        ...

    def delete(self, thread: ThreadRef) -> bool:
        """Forget a thread, and return whether it was known."""
        ...


class MemoryTurns:
    """Keeps turns in this process, for the 10,000 threads that were used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: OrderedDict[str, tuple[Turn, ...]] = OrderedDict()

    def load(self, thread: ThreadRef) -> Sequence[Turn] | None:
        """Return a thread's turns; None if it is not known."""
        with self._lock:
            return self._turns.get(thread.id)

    def save(self, thread: ThreadRef, turns: Sequence[Turn]) -> ThreadRef:
        """Keep a thread's turns."""
        with self._lock:
            self._turns[thread.id] = tuple(turns)
            self._turns.move_to_end(thread.id)
            if len(self._turns) > _MAX_CONVERSATIONS:
                self._turns.popitem(last=False)
        return thread

    def delete(self, thread: ThreadRef) -> bool:
        """Forget a thread, and return whether it was known."""
        with self._lock:
            return self._turns.pop(thread.id, None) is not None


class ReferenceTurns:
    """Keeps turns in the thread's reference, compressed, in `ThreadRef.state`: as many as fit into its text form.

    A turn that does not fit alone is left out, which is logged, and those before it are kept.

    So a conversation survives a restart, and is wherever its reference is: in the bot's database, and in every log
    that has the text form. Asking twice with the same reference makes two conversations of it. Nothing can be deleted.
    """

    def load(self, thread: ThreadRef) -> Sequence[Turn] | None:
        """Return the turns that the reference holds; None if it holds none.

        Raises:
            InvalidInput: what it holds is not turns.
        """
        if thread.state is None:
            return None
        unpack = zlib.decompressobj()
        try:
            data = unpack.decompress(base64.urlsafe_b64decode(thread.state), _MAX_UNPACKED)
            return [Turn(str(question), str(answer)) for question, answer in json.loads(data)]
        except (ValueError, TypeError, RecursionError, zlib.error):
            pass
        # Not within the handler: the exception holds what somebody asked.
        raise InvalidInput("the thread's reference does not hold its turns", argument="thread")

    def save(self, thread: ThreadRef, turns: Sequence[Turn]) -> ThreadRef:
        """Return the reference with the newest turns that fit."""
        kept = _newest_that_fit(turns, lambda some: _pack(some) is not None)
        if kept[-1:] != turns[-1:]:
            log.warning("%s: a turn does not fit into the thread's reference, and is left out", thread.backend)
        return evolve(thread, state=_pack(kept))

    def delete(self, thread: ThreadRef) -> bool:
        """Return False: the turns are wherever the reference is."""
        return False


@frozen(kw_only=True)
class TranscriptSettings(CommonSettings):
    """The settings of every adapter of a vendor that keeps no conversations; its own class derives from this one."""

    turns: Literal["memory", "reference"] | TurnStore = setting(
        default="memory",
        help="Where conversations are kept: in this process, or in the thread's reference, which then shows them to "
        "anybody who has its text.",
    )
    turn_limit: int = setting(
        default=32_000, check=positive_integer, help="Characters of earlier questions and answers that are sent again."
    )


@frozen
class Transcripts:
    """The conversations of one client with a vendor that keeps none.

    Attributes:
        store: keeps the turns.
        limit: characters of questions and answers that are kept and sent again, in all: the oldest turns are dropped. A
            turn that is longer by itself is left out, which is logged, and those before it are kept.
    """

    store: TurnStore = field(factory=MemoryTurns)
    limit: int = 32_000

    @classmethod
    def from_settings(cls, settings: TranscriptSettings) -> Transcripts:
        """Return the conversations that the settings ask for."""
        match settings.turns:
            case "memory":
                store: TurnStore = MemoryTurns()
            case "reference":
                store = ReferenceTurns()
            case own:
                store = own
        return cls(store, settings.turn_limit)

    @property
    def can_clear(self) -> bool:
        """Whether a thread can be forgotten."""
        return not isinstance(self.store, ReferenceTurns)

    def ask(self, call: ChatCall, send: Callable[[Sequence[Turn], str | None], Flow[Answer]]) -> Flow[Answer]:
        """Ask in the call's thread, or in a new one, and keep the turn once the whole answer has come.

        A stream that breaks, or that its reader leaves, leaves the thread as it was.

        Args:
            call: the question.
            send: makes the flow that asks, by `ask` or `relay_stream`, from the turns so far, oldest first, and the id
                of the user whose thread it is.

        Raises:
            NotFound: the thread's turns are not known.
            ThreadMismatch, Unsupported: as `resolve_owner` does.
        """
        return self._ask(call, send, resolve_owner(call))

    def _ask(
        self, call: ChatCall, send: Callable[[Sequence[Turn], str | None], Flow[Answer]], user: str | None
    ) -> Flow[Answer]:
        thread = call.thread or ThreadRef(call.backend, uuid.uuid4().hex, user=user)
        yield from exclusive((call.backend, thread.id))
        turns = () if call.thread is None else self.store.load(thread)
        if turns is None:
            raise self._unknown(call)
        answer = yield from send(turns, user)
        turns = [*turns, Turn(call.question, answer.text)]
        kept = _newest_that_fit(turns, lambda some: _length(some) <= self.limit)
        if kept[-1:] != turns[-1:]:
            call.warn(f"the turn is longer than {self.limit} characters, and is not sent again with later questions")
        return evolve(answer, thread=self.store.save(thread, kept))

    def clear(self, call: ClearCall) -> Flow[ClearResult]:
        """Forget the call's thread.

        Raises:
            InvalidInput: no thread was named.
            NotFound: its turns are not known.
            Unsupported: a user was named instead.
            ThreadMismatch: the thread is another user's.
        """
        if call.user is not None and call.thread is None:
            drop_unsupported(call, "user", reason="turns are kept by thread", alternative="Pass the thread.")
            return as_flow(ClearResult.detached(call.user))
        resolve_owner(call)
        return self._clear(call, require_thread(call))

    def _clear(self, call: ClearCall, thread: ThreadRef) -> Flow[ClearResult]:
        yield from exclusive((call.backend, thread.id))
        if not self.store.delete(thread):
            raise self._unknown(call)
        return ClearResult(outcome=ClearOutcome.CLEARED, user=thread.user)

    def _unknown(self, call: ConversationCall) -> NotFound:
        return NotFound(
            f"{call.backend} keeps no conversations, and the turns of this one are not kept here either",
            what="thread",
            hint=Template("Start a new thread with ", Method("chat"), ", or keep turns where they outlive it."),
            backend=call.backend,
            operation=call.operation,
        )


def _newest_that_fit(turns: Sequence[Turn], fit: Callable[[Sequence[Turn]], bool]) -> Sequence[Turn]:
    """Return as many of the newest turns as fit, apart from the last ones that do not fit even alone."""
    while turns and not fit(turns[-1:]):
        turns = turns[:-1]
    # By bisection: whether they fit may take a compression to say.
    number = bisect_left(range(1, len(turns) + 1), True, key=lambda some: not fit(turns[-some:]))
    return turns[len(turns) - number :]


def _length(turns: Sequence[Turn]) -> int:
    return sum(len(turn.question) + len(turn.answer) for turn in turns)


def _pack(turns: Sequence[Turn]) -> str | None:
    """Return turns as a reference holds them; None if they do not fit."""
    data = json.dumps([(turn.question, turn.answer) for turn in turns], separators=(",", ":")).encode()
    if len(data) > _MAX_UNPACKED:
        return None
    packed = base64.urlsafe_b64encode(zlib.compress(data, 9))
    return packed.decode() if len(packed) <= _MAX_PACKED else None
