"""Locks by key: calls that must not overlap, such as two questions in one user's conversation."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any

from unichat.transport.forks import reset_after_fork


class KeyedLock:
    """The lock of one key, for one call: from `KeyedLocks.join` to `leave` or `release`.

    Attributes:
        lock: a `threading.Lock` or `asyncio.Lock`, to be acquired.
    """

    def __init__(self, locks: KeyedLocks, key: Hashable, entry: _Entry) -> None:
        self.lock = entry.lock
        self._home = locks
        self._key = key
        self._entry = entry

    def is_held_by(self, caller: object) -> bool:
        """Return whether `caller`, a thread or task, has it for a stream: to wait would be to wait for oneself."""
        return caller is not None and self._entry.holder is caller

    def hold(self, caller: object) -> None:
        """Note who reads the stream that it is held for."""
        self._entry.holder = caller

    def release(self) -> None:
        """Let the next call have it."""
        self._entry.holder = None
        self.lock.release()
        self.leave()

    def leave(self) -> None:
        """Forget it, unless another call has it or waits for it."""
        self._home.leave(self._key, self._entry)


class _Entry:
    __slots__ = ("holder", "lock", "users")

    def __init__(self, lock: Any) -> None:
        self.lock = lock
        self.users = 0
        self.holder: object = None


class KeyedLocks:
    """A lock for each key, kept only while a call holds it or waits for it.

    Args:
        make_lock: `threading.Lock` or `asyncio.Lock`.
    """

    def __init__(self, make_lock: Callable[[], Any]) -> None:
        self._make_lock = make_lock
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, _Entry] = {}
        self._left: queue.SimpleQueue[tuple[Hashable, _Entry]] = queue.SimpleQueue()

    def join(self, key: Hashable) -> KeyedLock:
        """Return the lock of `key`; its `leave` or `release` must follow."""
        with self._guard:
            self._forget()
            entry = self._locks.get(key) or self._locks.setdefault(key, _Entry(self._make_lock()))
            entry.users += 1
            return KeyedLock(self, key, entry)

    def leave(self, key: Hashable, entry: _Entry) -> None:
        """Forget the lock of `key` if no other call holds it or waits for it."""
        # Without waiting for the guard: a forgotten stream is let go by the garbage collector, which may run while this
        # very thread has it. Whoever has the guard next does the rest.
        self._left.put((key, entry))
        if self._guard.acquire(blocking=False):
            try:
                self._forget()
            finally:
                self._guard.release()

    def _forget(self) -> None:
        while True:
            try:
                key, entry = self._left.get_nowait()
            except queue.Empty:
                return
            entry.users -= 1
            # Not another one: after a fork, the child has locks of its own.
            if not entry.users and self._locks.get(key) is entry:
                del self._locks[key]


_all: weakref.WeakSet[KeyedLocks] = weakref.WeakSet()


def _reset_all() -> None:
    """Free all locks, in a child after a fork: the threads that hold them are the parent's, and never release them."""
    for locks in tuple(_all):
        locks._reset()


reset_after_fork(_reset_all)
