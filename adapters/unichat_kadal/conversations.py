"""Which thread of each user is the newest, as far as this client has seen: Kadal keeps one conversation per user."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable

from attrs import define, field

from unichat.errors import StaleThread
from unichat.models import ThreadRef

CURRENT = "current"
"""The id of a reference to whatever conversation the user has: the history does not say which thread a row is of."""
ISOLATED = "isolated-"
"""What the ids of threads with a user reference of their own begin with."""
_REMEMBERED_USERS = 10_000
_REMEMBERED_ANSWERS = 50


def new_thread_id() -> str:
    """Return an id that sorts by time (a UUID of version 7), so that the newer of two threads can be told."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))


@define
class _Newest:
    thread: ThreadRef
    answers: deque[str] = field(factory=lambda: deque(maxlen=_REMEMBERED_ANSWERS))


@define
class Conversations:
    """What this client has seen. Safe to share between threads."""

    make_id: Callable[[], str] = new_thread_id
    _newest: OrderedDict[tuple[str | None, str | None], _Newest] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def check(self, thread: ThreadRef) -> None:
        """Refuse a thread that a newer one of the same user took the place of.

        Raises:
            StaleThread: this client has seen a newer one.
        """
        with self._lock:
            newest = self._newest.get((thread.scope, thread.user))
        # "current" sorts after every UUID: it is whatever is newest.
        if newest is not None and newest.thread.id > thread.id:
            raise stale(thread, newest.thread)

    def holds(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether the answer is known to be of `thread`."""
        with self._lock:
            newest = self._newest.get((thread.scope, thread.user))
        if answer_id == thread.position:
            return True
        return newest is not None and newest.thread.id == thread.id and answer_id in newest.answers

    def knows(self, thread: ThreadRef, answer_id: str) -> bool:
        """Whether the answer is one that this client has seen in any thread of the user."""
        with self._lock:
            newest = self._newest.get((thread.scope, thread.user))
        return answer_id == thread.position or (newest is not None and answer_id in newest.answers)

    def answered(self, thread: ThreadRef) -> None:
        """Note an answer: `thread.position` is its id."""
        key = (thread.scope, thread.user)
        with self._lock:
            newest = self._newest.pop(key, None)
            if newest is None or newest.thread.id != thread.id:
                newest = _Newest(thread)
            if thread.position is not None:
                newest.answers.append(thread.position)
            self._newest[key] = newest
            if len(self._newest) > _REMEMBERED_USERS:
                self._newest.popitem(last=False)


def stale(thread: ThreadRef, newer: ThreadRef | None) -> StaleThread:
    """Return the error for a thread that another one took the place of."""
    return StaleThread(
        "a newer thread of the same user took this one's place, and Kadal keeps one conversation per user",
        hint="Start a new thread with chat(), or set threads = 'isolated' to have several at a time.",
        backend="kadal",
        expected=None if newer is None else str(newer),
        found=str(thread),
        thread=thread,
        newer=newer,
    )
