"""Pacing: calls spaced within a known rate, instead of earning refusals for being too many."""

from __future__ import annotations

import heapq
import math
import threading
import weakref
from collections.abc import Callable, Hashable

from attrs import frozen

from unichat.adapter.setting_checks import seconds_per_call

_SLOWEST = 16.0
"""Times the base interval: how far refusals slow the pace down at most."""


@frozen
class Reservation:
    """When a call may be made: `at` by the pacer's clock, in `wait` seconds; the next one `interval` later."""

    at: float
    wait: float
    interval: float


class Pacer:
    """Gives every call its time. All clients of a process on the same key share one (`pacer_for`)."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._base = self._interval = interval
        self._clock = clock
        self._next = clock()
        self._given_back: list[float] = []
        """A heap of times that nobody has, each before `_next`."""
        self._slowed_at = -math.inf
        self._lock = threading.Lock()

    def reserve(self, at_most: float) -> Reservation | None:
        """Reserve the next free time; None, and none is taken, if it is further than `at_most` seconds from now."""
        with self._lock:
            now = self._clock()
            while self._given_back and self._given_back[0] < now:
                heapq.heappop(self._given_back)
            at = self._given_back[0] if self._given_back else max(now, self._next)
            if at - now > at_most:
                return None
            if self._given_back:
                heapq.heappop(self._given_back)
            else:
                self._next = at + self._interval
            return Reservation(at, at - now, self._interval)

    def give_back(self, reservation: Reservation) -> None:
        """Let another call have a time that will not be used."""
        with self._lock:
            # One of a faster pace than now would come too soon.
            if reservation.interval >= self._interval:
                heapq.heappush(self._given_back, reservation.at)

    def slow_down(self) -> None:
        """Slow down after a 429: the rate was too high after all, or others use the same key."""
        with self._lock:
            now = self._clock()
            # Once for all that were on their way together: they say the same.
            if now >= self._slowed_at + self._interval:
                self._slowed_at = now
                self._interval = min(self._interval * 2, self._base * _SLOWEST)
            self._next = max(self._next, now + self._interval)
            self._given_back.clear()

    def speed_up(self) -> None:
        """Come back to the base rate step by step after successes."""
        with self._lock:
            self._interval = max(self._base, self._interval * 0.9)


_pacers: weakref.WeakValueDictionary[Hashable, Pacer] = weakref.WeakValueDictionary()
_guard = threading.Lock()


def pacer_for(key: Hashable, rate: str, clock: Callable[[], float]) -> Pacer:
    """Return the process's pacer for `key` (address and credential) at `rate`; it lives as long as a client uses it."""
    interval = seconds_per_call(rate)
    with _guard:
        pacer = _pacers.get((key, interval))
        if pacer is None:
            pacer = _pacers[(key, interval)] = Pacer(interval, clock)
        return pacer
