"""Transports that send to a vendor, and make a fault of what comes back."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from unichat.adapter import Reply
from unichat.testing.answers import CannedReply, CannedStream
from unichat.testing.canned import AsyncCannedTransport, CannedTransport
from unichat.testing.clock import FakeClock
from unichat.testing.faults import Fault
from unichat.testing.steps import Steps, run, run_async
from unichat.transport.base import (
    AsyncOpenReply,
    Deadline,
    HttpRequest,
    OpenReply,
    TransportFailure,
)

_BEFORE_SENDING = ("resolving", "connecting", "handshake")
_STOCK = Reply(200, {"content-type": "application/json"}, b"{}")


def reaches_vendor(fault: Fault) -> bool:
    """Return whether the vendor gets the request in spite of the fault."""
    outcome = fault.outcome(_STOCK)
    if isinstance(outcome, TransportFailure):
        return outcome.phase not in _BEFORE_SENDING
    # Anything else is put in the place of an answer that was never made.
    return outcome is _STOCK or not isinstance(outcome, Reply)


@define
class _Due:
    """A fault, and whether it has happened already."""

    fault: Fault
    happened: bool = False

    def take(self) -> Fault | None:
        if self.happened and self.fault.once:
            return None
        self.happened = True
        return self.fault


@define
class _Faulty:
    """What both transports share: their methods, as steps (`unichat.testing.steps`)."""

    inner: Any
    fault: Fault
    clock: FakeClock
    _due: _Due = field(init=False)

    canned: ClassVar[type[CannedTransport | AsyncCannedTransport]]

    def __attrs_post_init__(self) -> None:
        self._due = _Due(self.fault)

    def _send(self, request: HttpRequest, deadline: Deadline, limit: int) -> Steps[Any]:
        fault = self._due.take()
        if fault is None:
            return (yield self.inner.send(request, deadline, limit=limit))
        good = (yield self.inner.send(request, deadline, limit=limit)) if reaches_vendor(fault) else _STOCK
        if isinstance(good, TransportFailure):
            return good
        return (yield self.canned(fault.outcome(good), clock=self.clock).send(request, deadline, limit=limit))

    def _open(self, request: HttpRequest, deadline: Deadline, idle_timeout: float) -> Steps[Any]:
        fault = self._due.take()
        if fault is None:
            return (yield self.inner.open(request, deadline, idle_timeout=idle_timeout))
        good: CannedReply = _STOCK
        if reaches_vendor(fault):
            reply = yield self.inner.open(request, deadline, idle_timeout=idle_timeout)
            if isinstance(reply, TransportFailure):
                return reply
            chunks: list[bytes | TransportFailure] = []
            while (chunk := (yield reply.read())) is not None:
                chunks.append(chunk)
                if isinstance(chunk, TransportFailure):
                    break
            reply.close()
            good = CannedStream(chunks, reply.status, reply.headers, reply.delimited)
        canned = self.canned(fault.outcome(good), clock=self.clock)
        return (yield canned.open(request, deadline, idle_timeout=idle_timeout))


@define
class FaultyTransport(_Faulty):
    """Sends by another transport, and makes a fault of what comes back: each time, or once.

    Attributes:
        inner: the other transport.
        fault: what happens.
        clock: moved on where the vendor is silent until the client gives up.
    """

    canned = CannedTransport

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send a request, and return what the fault leaves of the whole answer."""
        reply: Reply | TransportFailure = run(self._send(request, deadline, limit))
        return reply

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Send a request, and return what the fault leaves of the streamed answer."""
        opened: OpenReply | TransportFailure = run(self._open(request, deadline, idle_timeout))
        return opened

    def close(self) -> None:
        """Close the other transport."""
        self.inner.close()


@define
class AsyncFaultyTransport(_Faulty):
    """The same on asyncio."""

    canned = AsyncCannedTransport

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send a request, and return what the fault leaves of the whole answer."""
        reply: Reply | TransportFailure = await run_async(self._send(request, deadline, limit))
        return reply

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """Send a request, and return what the fault leaves of the streamed answer."""
        opened: AsyncOpenReply | TransportFailure = await run_async(self._open(request, deadline, idle_timeout))
        return opened

    async def close(self) -> None:
        """Close the other transport."""
        await self.inner.close()
