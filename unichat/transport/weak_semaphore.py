"""A semaphore that no interrupt can leave taken: it holds its permits weakly, as a `WeakSet` holds its members.

Theory of operation
===================

A signal's handler, such as that of Ctrl-C, may raise between any two instructions of the main thread: after a lock was
acquired and before the `try` that would release it, or in the very `finally` that does. A counter that is wrong then
stays wrong. So nothing is counted here: a permit is taken as long as its token lives, and whatever becomes of the code
that has it, Python frees the token with the last reference to it.

- The semaphore knows the tokens by weak references (`_taken`). A reference whose token is gone takes no permit.
- The callback of such a reference is `SimpleQueue.put`, which is written in C: no handler runs in the midst of it, and
  the garbage collector may call it at any moment, in any thread.
- The queue only says that it may be worth to look (`_freed`). An interrupt can lose what was taken out of it, so those
  who wait look by themselves, too, every `_LOOK_AGAIN` seconds.

The lock is held for a few instructions, and taken by `with` alone: CPython runs no handler between the lock's own
`__enter__` and the block. It is reentrant, since a handler may make a call of its own.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref

_LOOK_AGAIN = 0.1
"""Seconds after which a permit is found whose return nobody was told of."""


class _Token:
    __slots__ = ("__weakref__",)


class Permit:
    """One permit. It is returned by `release`, or when nothing refers to it any more."""

    __slots__ = ("_token",)

    def __init__(self, token: _Token) -> None:
        self._token: _Token | None = token

    def release(self) -> None:
        """Return it. Returning it twice is fine."""
        self._token = None


class WeakSemaphore:
    """So many permits, for threads.

    Args:
        count: how many permits there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._closed = False
        self._lock = threading.RLock()
        self._taken: set[weakref.ref[_Token]] = set()
        self._freed: queue.SimpleQueue[weakref.ref[_Token] | None] = queue.SimpleQueue()
        for _ in range(count):
            self._freed.put(None)

    def acquire(self, timeout: float) -> Permit | None:
        """Take a permit; None if there is none for `timeout` seconds."""
        token = _Token()
        reference = weakref.ref(token, self._freed.put)
        # While the token lives: the reference to a dead one that was never hashed has no hash.
        hash(reference)
        try:
            freed = self._freed.get_nowait()
        except queue.Empty:
            freed = None
        if self._take(reference, freed):
            return Permit(token)
        ends = time.monotonic() + timeout
        while (patience := ends - time.monotonic()) > 0:
            try:
                freed = self._freed.get(timeout=min(_LOOK_AGAIN, patience))
            except queue.Empty:
                freed = None
            if self._take(reference, freed):
                return Permit(token)
        return None

    def _take(self, reference: weakref.ref[_Token], freed: weakref.ref[_Token] | None) -> bool:
        with self._lock:
            taken = self._taken
            taken.discard(freed)
            if len(taken) >= self._count:
                self._forget_dead()
                taken = self._taken
            if len(taken) < self._count:
                taken.add(reference)
                return True
        if self._closed:
            # Others wait as this one did.
            self._freed.put(None)
        return self._closed

    def _forget_dead(self) -> None:
        self._taken = {reference for reference in self._taken if reference() is not None}

    @property
    def free(self) -> int:
        """How many permits can be taken."""
        with self._lock:
            self._forget_dead()
            return self._count - len(self._taken)

    def close(self) -> None:
        """Let everybody who waits have a permit at once, now and later: it protects nothing any more."""
        self._closed = True
        self._freed.put(None)
