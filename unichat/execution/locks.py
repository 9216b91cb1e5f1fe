"""Locks by key: calls that must not overlap, such as two questions in one user's conversation."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any


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
        self._locks: dict[Hashable, tuple[Any, int]] = {}

    def join(self, key: Hashable) -> Any:
        """Return the lock of `key`, to be acquired and released; `leave` must follow."""
        with self._guard:
            lock, users = self._locks.get(key) or (self._make_lock(), 0)
            self._locks[key] = (lock, users + 1)
            return lock

    def leave(self, key: Hashable) -> None:
        """Forget the lock of `key` if no other call holds it or waits for it."""
        with self._guard:
            if key not in self._locks:
                # Taken before a fork, by a thread that the child does not have.
                return
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)


_all: weakref.WeakSet[KeyedLocks] = weakref.WeakSet()


def _reset_all() -> None:
    """Free all locks, in a child after a fork: the threads that hold them are the parent's, and never release them."""
    for locks in tuple(_all):
        locks._reset()


os.register_at_fork(after_in_child=_reset_all)
