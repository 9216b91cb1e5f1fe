"""What every transport is: the interfaces, and the values that go in and out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from attrs import field, frozen

from unichat.adapter import Reply, Request
from unichat.adapter.secrets import Signature

P_co = TypeVar("P_co", covariant=True)

_LONGEST_TIMER = 1e6


@frozen
class Clock:
    """Where time comes from, so that tests need not wait: `monotonic` in seconds, `sleep` for a number of them."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


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

    def remaining(self) -> float:
        """Seconds that are left; 0 when it has passed, and never more than a timer of the system takes."""
        return min(_LONGEST_TIMER, max(0.0, self.seconds - self.elapsed()))


@frozen
class TransportFailure:
    """A call that brought no usable HTTP answer.

    Attributes:
        kind: the row of the table.
        detail: what the network said, in words that hold no secret.
        delivered: whether the request may have reached the vendor, where the driver knows better than the table.
        phase: how far the attempt came: `resolving`, `connecting`, `handshake`, `sending`, `waiting` or `body`.
    """

    kind: str
    detail: str = ""
    delivered: bool | None = None
    phase: str = ""


Pieces = Iterator[bytes | TransportFailure]
"""The body of an answer as it comes."""


@frozen(eq=False)
class OpenReply(Generic[P_co]):
    """A good answer whose body is still to come.

    Attributes:
        pieces: gives bytes as they come; ends after a proper end, and gives a `TransportFailure` last after any other.
        framed: whether the answer says where its body ends; where it does not, a body that was cut looks whole.
        close: gives the connection up. It is not used again unless the body had ended.
        heard: to be called with every event: how many seconds of silence may follow it.
    """

    status: int
    headers: dict[str, str]
    pieces: P_co
    framed: bool
    close: Callable[[], None]
    heard: Callable[[float], None]


class Transport(Protocol):
    """What the driver needs of an HTTP library. Neither method raises for what the network or the vendor does."""

    def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int, careful: bool
    ) -> Reply | TransportFailure:
        """Send once and read the whole answer, of at most `limit` bytes.

        Args:
            careful: do not use a kept connection that the server may be about to close.
        """
        ...

    def open(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, silence: float
    ) -> OpenReply[Pieces] | TransportFailure:
        """Send once and return when the head of the answer is there; `silence`: seconds until the first event."""
        ...

    def close(self) -> None:
        """Close all connections, and end what is running."""
        ...


class AsyncPieces(Protocol):
    """The body of an answer as it comes."""

    async def next(self) -> bytes | TransportFailure | None:
        """Wait for bytes; None after a proper end, and a `TransportFailure` once after any other."""
        ...


class AsyncTransport(Protocol):
    """What the driver needs of an HTTP library. Neither method raises for what the network or the vendor does."""

    async def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int
    ) -> Reply | TransportFailure:
        """Send once and read the whole answer, of at most `limit` bytes."""
        ...

    async def open(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, silence: float
    ) -> OpenReply[AsyncPieces] | TransportFailure:
        """Send once and return when the head of the answer is there; `silence`: seconds until the first event."""
        ...

    async def close(self) -> None:
        """Close all connections, and end what is running."""
        ...
