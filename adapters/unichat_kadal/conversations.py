"""Remembers the newest thread of each user: Kadal keeps one conversation per user, so older threads are stale."""

from __future__ import annotations

import secrets
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock
from time import time_ns

from attrs import define, field

from unichat.adapter import Method, Setting, Template
from unichat.errors import StaleThread
from unichat.models import ThreadRef

CURRENT = "current"
"""The thread id of a user's current conversation: the history does not name a row's thread."""
ISOLATED = "isolated-"
"""Prefix of the ids of isolated threads."""
_MAX_CONVERSATIONS = 10_000
_MAX_ANSWERS = 50
_MAX_THREADS = 200


class ThreadIds:
    """Makes ids that sort by time (UUIDs of version 7), so that any client can tell which of two threads is newer."""

    def __init__(self, clock: Callable[[], int] = time_ns) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def __call__(self) -> str:
        """Return a new id, which sorts after all earlier ones of this object, even if the clock went back."""
        with self._lock:
            # 48 bits of milliseconds, and 12 bits for the fraction of a millisecond.
            self._last = max(self._clock() * 4096 // 1_000_000, self._last + 1)
            milliseconds, fraction = divmod(self._last, 4096)
        number = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
        return str(uuid.UUID(int=number))


@define
class _NewestThread:
    """A user's newest thread, its newest answers, and the threads that it and its predecessors replaced."""

    thread: ThreadRef
    answers: deque[str] = field(factory=lambda: deque(maxlen=_MAX_ANSWERS))
    superseded: deque[str] = field(factory=lambda: deque(maxlen=_MAX_THREADS))


@define
class Conversations:
    """The newest threads that this client has seen. Thread-safe."""

    make_id: Callable[[], str] = field(factory=ThreadIds)
    _newest: OrderedDict[tuple[str | None, ...], _NewestThread] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _has_warned: bool = field(default=False, init=False)

    def _find_newest(self, thread: ThreadRef) -> _NewestThread | None:
        return self._newest.get(_conversation_key(thread))

    def check(self, thread: ThreadRef) -> None:
        """Reject a thread that a newer one of the same user has replaced.

        Raises:
            StaleThread: this client has seen a newer one.
        """
        with self._lock:
            newest = self._find_newest(thread)
            if newest is None or thread.id in (CURRENT, newest.thread.id):
                return
            # Ids are compared only for threads that this client has not seen replaced; CURRENT is not in their order.
            may_be_newer = newest.thread.id == CURRENT or thread.id > newest.thread.id
            if thread.id not in newest.superseded and may_be_newer:
                return
        raise stale_thread_error(thread, newest.thread)

    def resolve(self, thread: ThreadRef) -> ThreadRef:
        """Return the newest thread instead of CURRENT if they are known to be the same, any other thread unchanged."""
        with self._lock:
            newest = self._find_newest(thread)
            if thread.id != CURRENT or newest is None:
                return thread
            # A row that this client has not seen may be from a thread that another client started.
            is_same = thread.position in (None, newest.thread.position) or thread.position in newest.answers
            return newest.thread if is_same else thread

    def is_known(self, thread: ThreadRef) -> bool:
        """Whether this client has had an answer in `thread`, and in no newer one of the same user."""
        with self._lock:
            newest = self._find_newest(thread)
            return newest is not None and newest.thread.id == thread.id

    def should_warn(self) -> bool:
        """Whether to warn that a thread could not be checked: only the first time."""
        with self._lock:
            is_first, self._has_warned = not self._has_warned, True
            return is_first

    def has_answer(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether the answer is known to be from `thread`."""
        with self._lock:
            newest = self._find_newest(thread)
            if answer_id == thread.position:
                return True
            return newest is not None and newest.thread.id == thread.id and answer_id in newest.answers

    def has_seen(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether this client has seen the answer in the conversation's newest thread, or it ends `thread`."""
        with self._lock:
            newest = self._find_newest(thread)
            return answer_id == thread.position or (newest is not None and answer_id in newest.answers)

    def record_answer(self, thread: ThreadRef) -> None:
        """Remember an answer, whose id is `thread.position`."""
        key = _conversation_key(thread)
        with self._lock:
            newest = self._newest.pop(key, None)
            if newest is None:
                newest = _NewestThread(thread)
            elif newest.thread.id != thread.id:
                newest.superseded.append(newest.thread.id)
                newest.thread = thread
                newest.answers.clear()
            if thread.position is not None:
                newest.answers.append(thread.position)
            self._newest[key] = newest
            if len(self._newest) > _MAX_CONVERSATIONS:
                self._newest.popitem(last=False)


def _conversation_key(thread: ThreadRef) -> tuple[str | None, ...]:
    """Return what identifies the conversation that Kadal keeps: the user's, or an isolated thread's own."""
    return (thread.scope, thread.id if thread.id.startswith(ISOLATED) else None, thread.user)


def stale_thread_error(thread: ThreadRef, newer: ThreadRef | None) -> StaleThread:
    """Return the error for a thread that another one has replaced."""
    return StaleThread(
        "a newer thread of the same user has replaced this one, and Kadal keeps one conversation per user",
        hint=Template(
            "Start a new thread with ",
            Method("chat"),
            ", or set ",
            Setting("threads", "'isolated'"),
            " to have several at a time.",
        ),
        backend="kadal",
        expected=None if newer is None else str(newer),
        found=str(thread),
        thread=thread,
        newer=newer,
    )


def outdated_reference_error(thread: ThreadRef) -> StaleThread:
    """Return the error for a reference that another answer of its user follows: in which thread, rows do not say."""
    return StaleThread(
        "the user was answered again after this reference was made, in another thread or in this one, and Kadal keeps "
        "one conversation per user",
        hint=Template(
            "Continue the thread of the user's latest answer, start a new one with ",
            Method("chat"),
            ", set ",
            Setting("threads", "'isolated'"),
            " to have several at a time, or ",
            Setting("check_thread", "false"),
            " to go on in whichever is the latest.",
        ),
        backend="kadal",
        found=str(thread),
        thread=thread,
    )
