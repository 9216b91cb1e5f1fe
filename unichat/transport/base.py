"""What a transport is: it sends one HTTP request once and says what became of it.

`RequestsTransport` and the asyncio transport are two; a caller can bring a third, by `connect(..., transport=...)`. A
transport knows neither vendors nor retries. It never raises for what the network or the server does: it returns a
`TransportFailure`. Anything else that is raised (a signal handler's exception, a cancelled task) passes through it,
with the connection given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.adapter import Reply
from unichat.errors import InvalidInput

_LONGEST_TIMER = 1e6


@frozen
class Clock:
    """Where time comes from, so that tests need not wait.

    Attributes:
        monotonic: the time in seconds.
        sleep: what stands for waiting, such as a function that moves `monotonic` on; None to wait in real time. For an
            asyncio client it may be asynchronous.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None


REAL_TIME = Clock()


@frozen
class Deadline:
    """`seconds` from the moment it is made, by a clock that no change of the date moves.

    One deadline covers a whole call, with its attempts and waits, and can be handed on to the calls within it.

    Attributes:
        whole: the deadline of a stream after its first event, where it is given less time for its beginning; None where
            this one counts throughout.
    """

    seconds: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    whole: Deadline | None = field(default=None, repr=False)
    started: float = field(init=False)

    @started.default
    def _now(self) -> float:
        return self.clock()

    def __str__(self) -> str:
        """Its seconds as a message gives them, such as `0.4 s` also for a share of 0.39999 s."""
        return f"{round(self.seconds, 3) or self.seconds:g} s"

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock() - self.started

    def remaining(self) -> float:
        """Seconds that are left; 0 when it has passed, and never more than a timer of the system takes."""
        return min(_LONGEST_TIMER, max(0.0, self.seconds - self.elapsed()))


@frozen
class HttpRequest:
    """One request as it goes out.

    Attributes:
        method: in capitals.
        base_url: scheme, host, port and the path's beginning, without a slash at its end.
        target: the rest of the path, and the query, both percent-encoded; begins with a slash.
        headers: all that the request needs, credentials included. The transport adds `Host`, `Content-Length`,
            `User-Agent` and `Accept-Encoding`.
        body: None for none.
        idempotent: whether sending it twice does no harm. One that is not must never go out over a kept connection that
            the server may be about to close, since it could not be told whether it was received.
    """

    method: str
    base_url: str
    target: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    idempotent: bool = True

    @property
    def url(self) -> str:
        """The whole address."""
        return self.base_url + self.target

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@frozen
class TransportFailure:
    """A request that brought no usable HTTP answer.

    Attributes:
        kind: a key of the failure table: `dns`, `refused`, `connect_timeout`, `exhausted`, `tls`, `certificate`,
            `proxy`, `proxy_auth` (none of the request was sent), `unsent` (a kept connection broke before), `reset`,
            `closed`, `read_timeout` (sent, and no answer), `head`, `truncated`, `stalled`, `too_large` (an answer that
            is not one), `deadline`, or `cancelled` (the transport was closed).
        detail: what the network said, in words that hold no secret.
        delivered: whether the request may have reached the vendor; None to let the table say.
        phase: how far it came: `resolving`, `connecting`, `handshake`, `sending`, `waiting` or `body`.
        proxy: what names the proxy, such as the variable `HTTPS_PROXY`, where it is the proxy that failed.
    """

    kind: str
    detail: str = ""
    delivered: bool | None = None
    phase: str = ""
    proxy: str = ""


class ReplyHead(Protocol):
    """The head of an answer."""

    @property
    def status(self) -> int:
        """The HTTP status, from 200 to 599."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; values of a repeated one are joined by a comma."""
        ...

    @property
    def delimited(self) -> bool:
        """Whether the answer says where its body ends; where it does not, a body that was cut looks whole."""
        ...


class OpenReply(ReplyHead, Protocol):
    """An answer whose head has come, and whose body is still to come."""

    def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes of the body, decompressed; None after a proper end, a failure after any other."""
        ...

    def reset_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on; time that the consumer takes does not count."""
        ...

    def close(self) -> None:
        """Give the connection up, unless the body has ended and it is in the pool again. Closing twice is fine.

        May be called from any thread, at any moment: a forgotten stream is closed by the garbage collector.
        """
        ...


class Transport(Protocol):
    """Sends requests synchronously. Safe to share between threads."""

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send once and read the whole answer.

        The status of an error decides what comes of it, whatever becomes of its body. So from 400 on, a body that is
        cut, cannot be decoded, is too large, or takes longer than `limits.ERROR_BODY_SECONDS` is not a failure: the
        reply has what came of it, and the failure's kind in `cut`. Only `cancelled` is a failure then, too.

        Args:
            limit: bytes that the body may have, decompressed; a longer one is the failure `too_large`.
        """
        ...

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Send once and return when the head of the answer is there.

        Args:
            idle_timeout: seconds of waiting until `reset_idle_timeout` is called; then the failure is `stalled`. From
                status 400 on, no more than `limits.ERROR_BODY_SECONDS`.
        """
        ...

    def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        ...


class AsyncOpenReply(ReplyHead, Protocol):
    """As `OpenReply`, on asyncio: `read` is awaited."""

    async def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes of the body, decompressed; None after a proper end, a failure after any other."""
        ...

    def reset_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on; time that the consumer takes does not count."""
        ...

    def close(self) -> None:
        """Give the connection up, unless the body has ended and it is in the pool again. Closing twice is fine."""
        ...


class AsyncTransport(Protocol):
    """Sends requests on asyncio, within one event loop: that of its first request."""

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """As `Transport.send`."""
        ...

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """As `Transport.open`."""
        ...

    async def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        ...


def check_address(request: HttpRequest, base_url: str) -> None:
    """Check that a request is for the address that a transport was made for: its key is for that address alone.

    Raises:
        InvalidInput: it is for another.
    """
    if request.base_url != base_url:
        raise InvalidInput(
            f"the transport was made for {format_value(base_url)}, "
            f"and the client talks to {format_value(request.base_url)}",
            argument="transport",
            hint="Make the transport for the client's base_url.",
        )
