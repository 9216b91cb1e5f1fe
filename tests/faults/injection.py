"""One fault as the table lists it: what is done to the call, on which operations, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from tests.faults.neutral import OPERATIONS, Neutral
from tests.faults.outcome import Expected, Outcome
from tests.faults.server import Connection, Fault, FaultServer, HttpMessage
from tests.pace import PACES

if TYPE_CHECKING:
    from tests.faults.bench import Bench

DEADLINE = 0.15
"""Seconds of a deadline that is measured, at the first pace (`tests/pace.py`): nothing else in the bench waits."""

_LIMITS = ("deadline", "first_event_timeout", "idle_timeout")
"""Settings that a fault may be there to overrun."""
_SECONDS = (*_LIMITS, "connect_timeout")
"""Settings that a slow machine may be too slow for."""


def good(connection: Connection) -> bool:
    """Answer well, and keep the connection."""
    connection.write(connection.good(connection.read()))
    return True


def reply(make: Callable[[HttpMessage], bytes], *, keep: bool = True) -> Fault:
    """Answer with what `make` makes of the request."""

    def fault(connection: Connection) -> bool:
        connection.write(make(connection.read()))
        return keep

    return fault


def send(data: bytes, *, keep: bool = False) -> Fault:
    """Answer with these bytes."""
    return reply(lambda _: data, keep=keep)


@frozen
class Different:
    """What comes of a fault over h11 where that cannot be what it is over requests, and why."""

    expected: Expected
    because: str


@frozen(kw_only=True)
class Injection:
    """One fault.

    Attributes:
        row: its row in the table.
        script: what the server does, attempt by attempt; the last one stays.
        where: the operations that it makes sense on.
        settings: of the client.
        server: arguments of the server.
        arrange: changes the surroundings before the call: a proxy, a resolver, a second server.
        between: called with the number of the wait whenever the client waits between two attempts.
        waits: says whether the waits are right: one list of seconds for the whole call.
        warm: connections that must be left of a question asked before, and answered well; None: none is asked.
        over_h11: where the outcome is another one.
    """

    row: int
    name: str
    script: tuple[Fault, ...] = (good,)
    expected: Expected
    where: Callable[[Neutral], bool] = lambda _: True
    settings: Mapping[str, Any] = field(factory=dict)
    server: Mapping[str, Any] = field(factory=dict)
    arrange: Callable[[Bench], None] | None = None
    between: Callable[[FaultServer, int], None] | None = None
    waits: Callable[[list[float]], bool] | None = None
    warm: int | None = None
    over_h11: Different | None = None

    def outcome(self, neutral: Neutral, transport: str) -> Outcome:
        """What must come of it for one operation, over one transport."""
        different = self.over_h11 if transport.startswith("h11") else None
        return (different or self).expected.for_operation(neutral)

    @property
    def concerns_transport(self) -> bool:
        """Whether it is done to connections, TLS, heads or streams, rather than to what an answer says."""
        return self.row <= 34 or self.row >= 53

    @property
    def operations(self) -> list[Neutral]:
        return [neutral for neutral in OPERATIONS if self.where(neutral)]

    @property
    def limit(self) -> float | None:
        """The limit in seconds that this fault is there to overrun: the shortest of those set."""
        return self.limit_at(1)

    def limit_at(self, pace: float) -> float | None:
        """The same limit, at a pace."""
        settings = self.at_pace(pace)
        return min((settings[name] for name in _LIMITS if name in settings), default=None)

    @property
    def paces(self) -> tuple[int, ...]:
        """The paces to try it at: more than one, if anything in it takes real time."""
        return PACES if any(name in self.settings for name in _SECONDS) else PACES[:1]

    def at_pace(self, pace: float) -> dict[str, Any]:
        """The settings, with limits that are so many times as long."""
        return {name: value * pace if name in _SECONDS else value for name, value in self.settings.items()}


@frozen
class OwnTest:
    """A row that is not an injection into one call, and the test that stands for it."""

    row: int
    name: str
    expected: str
    test: str


def whole(neutral: Neutral) -> bool:
    """Operations whose answer is one JSON document."""
    return not neutral.streamed


def is_streamed(neutral: Neutral) -> bool:
    """Operations whose answer comes in pieces."""
    return neutral.streamed


def is_kadal(neutral: Neutral) -> bool:
    return neutral.backend == "kadal"


def is_question(neutral: Neutral) -> bool:
    """Questions with one JSON document for an answer."""
    return neutral.asks and not neutral.streamed
