"""Transports that send to a vendor, and make a fault of what comes back."""

from __future__ import annotations

from attrs import define, field

from unichat.adapter import Reply
from unichat.testing.answers import CannedReply, CannedStream
from unichat.testing.canned import AsyncCannedTransport, CannedTransport
from unichat.testing.clock import FakeClock
from unichat.testing.faults import Fault
from unichat.transport.base import (
    AsyncOpenReply,
    AsyncTransport,
    Deadline,
    HttpRequest,
    OpenReply,
    Transport,
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
class FaultyTransport:
    """Sends by another transport, and lets a fault happen to every request, or to the first one."""

    inner: Transport
    fault: Fault
    clock: FakeClock
    _due: _Due = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._due = _Due(self.fault)

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send a request, and return what the fault leaves of the whole answer."""
        fault = self._due.take()
        if fault is None:
            return self.inner.send(request, deadline, limit=limit)
        good = self.inner.send(request, deadline, limit=limit) if reaches_vendor(fault) else _STOCK
        if isinstance(good, TransportFailure):
            return good
        return CannedTransport(fault.outcome(good), clock=self.clock).send(request, deadline, limit=limit)

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Send a request, and return what the fault leaves of the streamed answer."""
        fault = self._due.take()
        if fault is None:
            return self.inner.open(request, deadline, idle_timeout=idle_timeout)
        good: CannedReply = _STOCK
        if reaches_vendor(fault):
            reply = self.inner.open(request, deadline, idle_timeout=idle_timeout)
            if isinstance(reply, TransportFailure):
                return reply
            chunks: list[bytes | TransportFailure] = []
            while (chunk := reply.read()) is not None:
                chunks.append(chunk)
                if isinstance(chunk, TransportFailure):
                    break
            reply.close()
            good = CannedStream(chunks, reply.status, reply.headers, reply.delimited)
        canned = CannedTransport(fault.outcome(good), clock=self.clock)
        return canned.open(request, deadline, idle_timeout=idle_timeout)

    def close(self) -> None:
        """Close the other transport."""
        self.inner.close()


@define
class AsyncFaultyTransport:
    """The same on asyncio."""

    inner: AsyncTransport
    fault: Fault
    clock: FakeClock
    _due: _Due = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._due = _Due(self.fault)

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send a request, and return what the fault leaves of the whole answer."""
        fault = self._due.take()
        if fault is None:
            return await self.inner.send(request, deadline, limit=limit)
        good = await self.inner.send(request, deadline, limit=limit) if reaches_vendor(fault) else _STOCK
        if isinstance(good, TransportFailure):
            return good
        return await AsyncCannedTransport(fault.outcome(good), clock=self.clock).send(request, deadline, limit=limit)

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """Send a request, and return what the fault leaves of the streamed answer."""
        fault = self._due.take()
        if fault is None:
            return await self.inner.open(request, deadline, idle_timeout=idle_timeout)
        good: CannedReply = _STOCK
        if reaches_vendor(fault):
            reply = await self.inner.open(request, deadline, idle_timeout=idle_timeout)
            if isinstance(reply, TransportFailure):
                return reply
            chunks: list[bytes | TransportFailure] = []
            while (chunk := await reply.read()) is not None:
                chunks.append(chunk)
                if isinstance(chunk, TransportFailure):
                    break
            reply.close()
            good = CannedStream(chunks, reply.status, reply.headers, reply.delimited)
        canned = AsyncCannedTransport(fault.outcome(good), clock=self.clock)
        return await canned.open(request, deadline, idle_timeout=idle_timeout)

    async def close(self) -> None:
        """Close the other transport."""
        await self.inner.close()
