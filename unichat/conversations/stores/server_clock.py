"""The time of a database server, for machines that do not agree about the time: asked seldom, and kept in between."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field, frozen

_SECONDS = 5.0
"""How long an answer counts: a virtual machine that was paused notices nothing of it."""
_STEP = 0.01
"""Seconds by which this machine's two clocks may drift apart before one of them counts as set, or as stopped."""


@frozen
class _Answer:
    """What the server said: how far it is ahead of this machine's time of day, and how far that is of its other clock.

    Attributes:
        asked: when, by the clock that is never set.
    """

    offset: float
    difference: float
    asked: float


@define
class ServerClock:
    """Tells a server's time.

    Args:
        wall: this machine's time of day.
        steady: a clock of it that is never set.
    """

    _wall: Callable[[], float] = time.time
    _steady: Callable[[], float] = time.monotonic
    _answer: _Answer | None = field(default=None, init=False)

    def now(self, ask: Callable[[], float]) -> float:
        """Return the server's time, in seconds since 1970.

        Args:
            ask: asks the server, where its last answer is too old, or this machine was suspended or its clock set.
        """
        wall, steady = self._wall(), self._steady()
        answer = self._answer
        if answer is not None and steady - answer.asked < _SECONDS and abs(wall - steady - answer.difference) < _STEP:
            return wall + answer.offset
        now = ask()
        wall, steady = self._wall(), self._steady()
        self._answer = _Answer(now - wall, wall - steady, steady)
        return now
