"""Pacing: spaces calls to stay under a known rate limit."""

from __future__ import annotations

import heapq
import math
import threading
import weakref
from collections.abc import Callable, Hashable

from attrs import frozen

from unichat.adapter.setting_checks import seconds_per_call

_SLOWEST = 16.0
"""The longest interval that refusals lead to, as a multiple of the base interval."""


@frozen
class Reservation:
    """When a call may be made: `at` by the pacer's clock, in `wait` seconds; the next one `interval` later."""

    at: float
    wait: float
    interval: float


class Pacer:
    """Assigns every call its time. All clients of a process on the same key share one (`pacer_for`)."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._base = self._interval = interval
        self._clock = clock
        self._next = clock()
        self._released: list[float] = []
        """A heap of times that no call has, each before `_next`."""
        self._slowed_at = -math.inf
        self._lock = threading.RLock()

    def reserve(self, max_wait: float) -> Reservation | None:
        """Reserve the next free time; return None, and reserve none, if it is more than `max_wait` seconds away."""
        with self._lock:
            now = self._clock()
            while self._released and self._released[0] < now:
                heapq.heappop(self._released)
            at = self._released[0] if self._released else max(now, self._next)
            if at - now > max_wait:
                return None
            if self._released:
                heapq.heappop(self._released)
            else:
                self._next = at + self._interval
            return Reservation(at, at - now, self._interval)

    def release(self, reservation: Reservation) -> None:
        """Release a time that will not be used, so that another call can have it."""
        with self._lock:
            # A time from a faster pace than the current one would come too soon.
            if reservation.interval >= self._interval:
                heapq.heappush(self._released, reservation.at)

    def slow_down(self) -> None:
        """Slow down after a 429: the rate was too high after all, or others use the same key."""
        with self._lock:
            now = self._clock()
            # Once for all calls that were in flight together: their refusals say the same.
            if now >= self._slowed_at + self._interval:
                self._slowed_at = now
                self._interval = min(self._interval * 2, self._base * _SLOWEST)
            self._next = max(self._next, now + self._interval)
            self._released.clear()

    def speed_up(self) -> None:
        """Return to the base rate step by step, after successes."""
        with self._lock:
            self._interval = max(self._base, self._interval * 0.9)


_pacers: weakref.WeakValueDictionary[Hashable, Pacer] = weakref.WeakValueDictionary()
_guard = threading.RLock()


def pacer_for(key: Hashable, rate: str, clock: Callable[[], float]) -> Pacer:
    """Return the process's pacer for `key` (address and credential) at `rate`; it lives as long as a client uses it."""
    interval = seconds_per_call(rate)
    with _guard:
        pacer = _pacers.get((key, interval))
        if pacer is None:
            pacer = _pacers[(key, interval)] = Pacer(interval, clock)
        return pacer
