"""Locks by key: calls that must not overlap, such as two questions in one user's conversation.

As with a `WeakSemaphore`, nothing has to be released for it to be free: what holds a lock, or waits for it, is known by
weak references, so that an interrupt at any moment leaves nothing taken.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Protocol

from unichat.transport.forks import reset_after_fork

_FEW = 64
"""Keys from which on those that an interrupt left behind are looked for."""


class Releasable(Protocol):
    """What shows that a lock was acquired, and releases it."""

    def release(self) -> None:
        """Release the lock. Releasing it twice is fine."""
        ...


class _Entry:
    __slots__ = ("holder", "lock", "users")

    def __init__(self, lock: object) -> None:
        self.lock = lock
        self.holder: object = None
        self.users: set[weakref.ref[KeyedLock]] = set()


class KeyedLock:
    """The lock of one key, for one call: from `KeyedLocks.join` to `leave` or `release`.

    Attributes:
        key: what it is the lock of.
        lock: to be acquired: a `WeakSemaphore` with one permit, or a `TaskLock` (`task_lock`).
        permit: what the acquisition gave; to be set by who acquired it.
    """

    def __init__(self, locks: KeyedLocks, key: Hashable, entry: _Entry) -> None:
        self.lock = entry.lock
        self.permit: Releasable | None = None
        self._locks = locks
        self.key = key
        self._entry = entry
        self._user = weakref.ref(self, entry.users.discard)
        entry.users.add(self._user)

    def is_held_by(self, caller: object) -> bool:
        """Return whether `caller`, a thread or task, has it for a stream: to wait would be to wait for oneself."""
        return caller is not None and self._entry.holder is caller

    def hold(self, caller: object) -> None:
        """Note who reads the stream that it is held for."""
        self._entry.holder = caller

    def release(self) -> None:
        """Let the next call have it."""
        self._entry.holder = None
        if self.permit is not None:
            self.permit.release()
        self.leave()

    def leave(self) -> None:
        """Forget it, unless another call has it or waits for it."""
        self._entry.users.discard(self._user)
        self._locks.forget(self.key, self._entry)


class KeyedLocks:
    """A lock for each key, kept only while a call holds it or waits for it.

    Args:
        make_lock: makes a lock that the performer of the calls can acquire.
    """

    def __init__(self, make_lock: Callable[[], object]) -> None:
        self._make_lock = make_lock
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        # Reentrant, and taken by `with` alone: a forgotten stream is closed by the garbage collector, which may run
        # while this very thread has it.
        self._guard = threading.RLock()
        self._locks: dict[Hashable, _Entry] = {}

    def join(self, key: Hashable) -> KeyedLock:
        """Return the lock of `key`; its `leave` or `release` should follow."""
        with self._guard:
            if len(self._locks) > _FEW and len(self._locks) & (len(self._locks) - 1) == 0:
                # At each power of two: those whose user was interrupted before it could leave.
                self._locks = {key: entry for key, entry in self._locks.items() if entry.users}
            while True:
                entry = self._locks.get(key)
                if entry is None:
                    entry = self._locks[key] = _Entry(self._make_lock())
                lock = KeyedLock(self, key, entry)
                # The garbage collector may have forgotten it in between, as it had no user then.
                if self._locks.get(key) is entry:
                    return lock

    def forget(self, key: Hashable, entry: _Entry) -> None:
        """Forget the lock of `key` if no call holds it or waits for it."""
        with self._guard:
            # Not another one: after a fork, the child has locks of its own.
            if not entry.users and self._locks.get(key) is entry:
                del self._locks[key]


_all: weakref.WeakSet[KeyedLocks] = weakref.WeakSet()


def _reset_all() -> None:
    """Free all locks, in a child after a fork: the threads that hold them are the parent's, and never release them."""
    for locks in tuple(_all):
        locks._reset()


reset_after_fork(_reset_all)
