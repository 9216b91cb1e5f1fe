"""A circuit breaker: after too many failures in a row, calls fail immediately for a while."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from unichat.errors import (
    CircuitOpen,
    ConnectionFailed,
    DeadlineExceeded,
    InsufficientTokens,
    InvalidResponse,
    ServerError,
    StreamInterrupted,
    UnichatError,
)
from unichat.policy.failures import rule_for_status

_COUNTED = (ConnectionFailed, ServerError, DeadlineExceeded, InvalidResponse, StreamInterrupted)
# The first shows that the vendor is up; and an open circuit must not keep itself open.
_NOT_COUNTED = (InsufficientTokens, CircuitOpen)


class Breaker:
    """Closed: all pass. After `failures` in a row, open: none pass for `reset` seconds. Then one probe decides.

    The lock is held for changes of state only, never during a call.
    """

    def __init__(self, failures: int, reset: float, clock: Callable[[], float]) -> None:
        self._failures = failures
        self._reset = reset
        self._clock = clock
        self._lock = threading.RLock()
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._probe: weakref.ref[object] | None = None
        """Who makes the probe. By a weak reference: one that an interrupt ended before it could say so is none."""
        self.generation = 0
        """Grows with each change of state. What began in an earlier generation says nothing about this one."""

    def admit(self, caller: object) -> tuple[int, float | None]:
        """Return the generation, and None if an attempt may be made in it, else the seconds until a probe may.

        `report` or `abandon` must follow an attempt that may be made.

        Args:
            caller: makes the attempt, and lives until it has ended.
        """
        with self._lock:
            if self._opened_at is None:
                return self.generation, None
            remaining = self._opened_at + self._reset - self._clock()
            if remaining > 0 or (self._probe is not None and self._probe() is not None):
                return self.generation, max(remaining, 0.0)
            self._probe = weakref.ref(caller)
            self.generation += 1
            return self.generation, None

    def report(self, error: UnichatError | None, generation: int) -> None:
        """Count an attempt that began in `generation`.

        An `error` of None is a success, and so is every rejection, since it shows that the vendor is up.
        """
        failed = _counts(error)
        with self._lock:
            if generation != self.generation:
                return
            if not failed:
                self._in_a_row = 0
                self._change(None)
                return
            self._in_a_row += 1
            if self._in_a_row >= self._failures:
                self._change(self._clock())

    def _change(self, opened_at: float | None) -> None:
        if self._probe is not None or opened_at is not None:
            self.generation += 1
        self._probe, self._opened_at = None, opened_at

    def abandon(self, generation: int) -> None:
        """Forget an attempt of `generation` that ended without an outcome, such as one that the caller interrupted."""
        with self._lock:
            if generation == self.generation and self._probe is not None:
                self._change(self._opened_at)


def _counts(error: UnichatError | None) -> bool:
    """Return whether an error is a failure of the vendor's service."""
    kind: type = type(error)
    if isinstance(error, StreamInterrupted) and error.status is not None and error.status >= 400:
        # The vendor said why it broke the stream off: that counts as the same status of a whole answer does.
        kind = rule_for_status(error.status).error
    return issubclass(kind, _COUNTED) and not issubclass(kind, _NOT_COUNTED)
