"""Which thread of each user is the newest, as far as this client has seen: Kadal keeps one conversation per user."""

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
"""The id of a reference to whatever conversation the user has: the history does not say which thread a row is of."""
ISOLATED = "isolated-"
"""What the ids of threads with a user reference of their own begin with."""
_REMEMBERED_USERS = 10_000
_REMEMBERED_ANSWERS = 50
_REMEMBERED_THREADS = 200


class ThreadIds:
    """Makes ids that sort by time (UUIDs of version 7): the newer of two threads can be told, by another client too."""

    def __init__(self, clock: Callable[[], int] = time_ns) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def __call__(self) -> str:
        """Return a new id, which sorts after all that this object gave, even if the clock went back."""
        with self._lock:
            # 48 bits of milliseconds and 12 of their fraction.
            self._last = max(self._clock() * 4096 // 1_000_000, self._last + 1)
            milliseconds, fraction = divmod(self._last, 4096)
        number = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
        return str(uuid.UUID(int=number))


@define
class _Newest:
    """A user's newest thread, its newest answers, and the threads that it and those before it took the place of."""

    thread: ThreadRef
    answers: deque[str] = field(factory=lambda: deque(maxlen=_REMEMBERED_ANSWERS))
    superseded: deque[str] = field(factory=lambda: deque(maxlen=_REMEMBERED_THREADS))


@define
class Conversations:
    """What this client has seen. Safe to share between threads."""

    make_id: Callable[[], str] = field(factory=ThreadIds)
    _newest: OrderedDict[tuple[str | None, str | None], _Newest] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def _of(self, thread: ThreadRef) -> _Newest | None:
        return self._newest.get((thread.scope, thread.user))

    def check(self, thread: ThreadRef) -> None:
        """Refuse a thread that a newer one of the same user took the place of.

        Raises:
            StaleThread: this client has seen a newer one.
        """
        with self._lock:
            newest = self._of(thread)
            if newest is None or thread.id in (CURRENT, newest.thread.id):
                return
            # The order of ids is asked only about threads that this client has not seen replaced, and cannot be where
            # the newest is whatever the history showed.
            unordered = newest.thread.id == CURRENT or thread.id > newest.thread.id
            if thread.id not in newest.superseded and unordered:
                return
        raise stale(thread, newest.thread)

    def known_as(self, thread: ThreadRef) -> ThreadRef:
        """Return the newest thread for a reference to whatever is current, if that is known to be the same."""
        with self._lock:
            newest = self._of(thread)
            if thread.id != CURRENT or newest is None:
                return thread
            # A row that this client has not seen may be of a thread that another client began.
            known = thread.position in (None, newest.thread.position) or thread.position in newest.answers
            return newest.thread if known else thread

    def holds(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether the answer is known to be of `thread`."""
        with self._lock:
            newest = self._of(thread)
            if answer_id == thread.position:
                return True
            return newest is not None and newest.thread.id == thread.id and answer_id in newest.answers

    def knows(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether the answer is one that this client has seen in the user's newest thread, or the thread's last."""
        with self._lock:
            newest = self._of(thread)
            return answer_id == thread.position or (newest is not None and answer_id in newest.answers)

    def answered(self, thread: ThreadRef) -> None:
        """Note an answer: `thread.position` is its id."""
        key = (thread.scope, thread.user)
        with self._lock:
            newest = self._newest.pop(key, None)
            if newest is None:
                newest = _Newest(thread)
            elif newest.thread.id != thread.id:
                newest.superseded.append(newest.thread.id)
                newest.thread = thread
                newest.answers.clear()
            if thread.position is not None:
                newest.answers.append(thread.position)
            self._newest[key] = newest
            if len(self._newest) > _REMEMBERED_USERS:
                self._newest.popitem(last=False)


def stale(thread: ThreadRef, newer: ThreadRef | None) -> StaleThread:
    """Return the error for a thread that another one took the place of."""
    return StaleThread(
        "a newer thread of the same user took this one's place, and Kadal keeps one conversation per user",
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
