"""A circuit breaker: after so many failures in a row, calls fail at once for a while instead of waiting in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable

from unichat.errors import (
    CircuitOpen,
    ConnectionFailed,
    DeadlineExceeded,
    InsufficientTokens,
    InvalidResponse,
    ServerError,
    UnichatError,
)

_COUNTED = (ConnectionFailed, ServerError, DeadlineExceeded, InvalidResponse)
# The vendor works, and says so; and a circuit that is open must not keep itself open.
_NOT_COUNTED = (InsufficientTokens, CircuitOpen)


class Breaker:
    """Closed: all pass. After `failures` in a row, open: none pass for `reset` seconds. Then one probe decides.

    The lock is held for changes of state only, never during a call.
    """

    def __init__(self, failures: int, reset: float, clock: Callable[[], float]) -> None:
        self._failures = failures
        self._reset = reset
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._probing = False

    def refuses(self) -> float | None:
        """Return None if an attempt may be made, which `report` must follow; else the seconds until a probe may."""
        with self._lock:
            if self._opened_at is None:
                return None
            rest = self._opened_at + self._reset - self._clock()
            if rest > 0 or self._probing:
                return max(rest, 0.0)
            self._probing = True
            return None

    def report(self, error: UnichatError | None) -> None:
        """Count an attempt: `error` of None is a success, and so is every refusal that shows the vendor alive."""
        failed = isinstance(error, _COUNTED) and not isinstance(error, _NOT_COUNTED)
        with self._lock:
            self._probing = False
            if not failed:
                self._in_a_row, self._opened_at = 0, None
                return
            self._in_a_row += 1
            if self._in_a_row >= self._failures:
                self._opened_at = self._clock()

    def abandon(self) -> None:
        """Forget an attempt that ended without a verdict, such as one that the caller interrupted."""
        with self._lock:
            self._probing = False
