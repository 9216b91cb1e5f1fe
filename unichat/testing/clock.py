"""A clock on which nobody waits."""

from __future__ import annotations

from attrs import define, field

from unichat.transport.base import Clock


@define
class FakeClock:
    """Time that passes only while something sleeps, or when a test says so.

    Attributes:
        now: the time, in seconds.
        slept: how long each sleep was, in seconds: the waits between attempts.
    """

    now: float = 1_000.0
    slept: list[float] = field(factory=list)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once, and remember it as a sleep."""
        self.slept.append(seconds)
        self.now += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @property
    def clock(self) -> Clock:
        """What a client takes."""
        return Clock(self.monotonic, self.sleep)
