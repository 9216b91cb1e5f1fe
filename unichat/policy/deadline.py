"""The time that a whole call may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import field, frozen

_LONGEST_TIMER = 1e6


@frozen
class Deadline:
    """`seconds` from the moment it is made, by a clock that no change of the date moves."""

    seconds: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    started: float = field(init=False)

    @started.default
    def _now(self) -> float:
        return self.clock()

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock() - self.started

    def left(self) -> float:
        """Seconds that are left; 0 when it has passed, and never more than a timer of the system takes."""
        return min(_LONGEST_TIMER, max(0.0, self.seconds - self.elapsed()))
