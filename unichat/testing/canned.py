"""Transports without a network: outcomes in turn, and what was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unichat.adapter import Reply
from unichat.testing.answers import Answering, CannedReply, CannedStream, Silence, as_stream, json_answer, resolve_chunk
from unichat.testing.clock import FakeClock
from unichat.testing.faults import Fault, find_fault
from unichat.transport import limits
from unichat.transport.base import AsyncOpenReply, Deadline, HttpRequest, OpenReply, TransportFailure

Outcome = CannedReply | TransportFailure | Silence | Fault | str | Callable[[HttpRequest], Any]
"""An answer, a fault or its name, how the network fails, or a function that makes any of these of the request.

A function may raise, as a signal's handler would.
"""


class _Script:
    """What both transports share: the outcomes in turn, and the record of what was sent."""

    def __init__(self, *outcomes: Outcome, answer: Answering | None = None, clock: FakeClock | None = None) -> None:
        self._outcomes = list(outcomes)
        self.answer = answer
        self._clock = clock
        self.sent: list[HttpRequest] = []
        self.timeouts: list[float] = []
        self.limits: list[int] = []
        self.idle_timeouts: list[float] = []
        self.closed = 0

    def _next(self, request: HttpRequest, deadline: Deadline) -> CannedReply | TransportFailure | Silence:
        self.sent.append(request)
        self.timeouts.append(deadline.remaining())
        if self._outcomes:
            return self._resolve(self._outcomes.pop(0), request)
        assert self.answer is not None, f"one request more than expected: {request.method} {request.target}"
        return self._resolve(self.answer(request), request)

    def _resolve(self, outcome: Outcome, request: HttpRequest) -> CannedReply | TransportFailure | Silence:
        if isinstance(outcome, str):
            outcome = find_fault(outcome)
        if isinstance(outcome, Fault):
            return outcome.outcome(self.answer(request) if self.answer is not None else json_answer({}))
        if callable(outcome):
            return self._resolve(outcome(request), request)
        return outcome

    def _whole(self, request: HttpRequest, deadline: Deadline, limit: int) -> Reply | TransportFailure:
        self.limits.append(limit)
        outcome = self._next(request, deadline)
        if isinstance(outcome, Silence):
            return self.give_up(deadline.remaining(), "deadline", "waiting")
        if not isinstance(outcome, CannedStream):
            return outcome
        body = b""
        for each in outcome.chunks:
            chunk = resolve_chunk(each)
            if isinstance(chunk, Silence):
                chunk = self._await_body(outcome.status, deadline)
            if isinstance(chunk, TransportFailure):
                if outcome.status < 400 or chunk.kind == "cancelled":
                    return chunk
                return Reply(outcome.status, outcome.headers, body, chunk.kind)
            body += chunk
        return Reply(outcome.status, outcome.headers, body)

    def _await_body(self, status: int, deadline: Deadline) -> TransportFailure:
        if status < 400:
            return self.give_up(deadline.remaining(), "deadline", "body")
        return self.fall_silent(deadline, limits.ERROR_BODY_SECONDS, "body")

    def _head(self, request: HttpRequest, deadline: Deadline, idle_timeout: float) -> CannedStream | TransportFailure:
        self.idle_timeouts.append(idle_timeout)
        outcome = self._next(request, deadline)
        if isinstance(outcome, Silence):
            return self.fall_silent(deadline, idle_timeout, "waiting")
        return outcome if isinstance(outcome, TransportFailure) else as_stream(outcome)

    def fall_silent(self, deadline: Deadline, idle_timeout: float, phase: str) -> TransportFailure:
        left = deadline.remaining()
        return self.give_up(min(left, idle_timeout), "deadline" if left <= idle_timeout else "stalled", phase)

    def give_up(self, seconds: float, kind: str, phase: str) -> TransportFailure:
        if self._clock is not None:
            self._clock.advance(seconds)
        return TransportFailure(kind, delivered=True, phase=phase)


class _CannedBody:
    """One reading of a stream."""

    def __init__(self, script: _Script, stream: CannedStream, deadline: Deadline, idle_timeout: float) -> None:
        self.status = stream.status
        self.headers = stream.headers
        self.delimited = stream.delimited
        self._script = script
        self._stream = stream
        self._chunks = iter(stream.chunks)
        self._deadline = deadline
        self._idle_timeout = idle_timeout

    def _next(self) -> bytes | TransportFailure | None:
        for each in self._chunks:
            self._stream.reads += 1
            chunk = resolve_chunk(each)
            if isinstance(chunk, Silence):
                return self._script.fall_silent(self._deadline, self._idle_timeout, "body")
            return chunk
        return None

    def reset_idle_timeout(self, seconds: float) -> None:
        self._stream.idle_timeouts.append(seconds)
        self._script.idle_timeouts.append(seconds)
        self._idle_timeout = seconds

    def close(self) -> None:
        self._stream.closed += 1


class _SyncCannedBody(_CannedBody):
    def read(self) -> bytes | TransportFailure | None:
        return self._next()


class _AsyncCannedBody(_CannedBody):
    async def read(self) -> bytes | TransportFailure | None:
        return self._next()


class CannedTransport(_Script):
    """A transport without a network, as `connect(..., transport=...)` takes it.

    Args:
        outcomes: what comes of each request in turn; see `Outcome`.
        answer: a vendor: the good answer to each request, which faults such as `cut_stream` start from. It answers
            whatever comes after the outcomes; without it, one request more is an `AssertionError`.
        clock: moved on where the vendor is silent until the client gives up.

    Attributes:
        sent: the requests, in order.
        timeouts: the seconds that were left of each request's deadline.
        limits: the bytes that each body was allowed to have.
        idle_timeouts: the seconds of silence that were allowed: as a stream was opened, and with each of its events.
        answer: as given; a test may replace it.
        closed: how often it was closed.
    """

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Return the next outcome as a whole answer."""
        return self._whole(request, deadline, limit)

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Return the next outcome as a stream."""
        head = self._head(request, deadline, idle_timeout)
        return head if isinstance(head, TransportFailure) else _SyncCannedBody(self, head, deadline, idle_timeout)

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class AsyncCannedTransport(_Script):
    """The same for `connect_async`."""

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Return the next outcome as a whole answer."""
        return self._whole(request, deadline, limit)

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """Return the next outcome as a stream."""
        head = self._head(request, deadline, idle_timeout)
        return head if isinstance(head, TransportFailure) else _AsyncCannedBody(self, head, deadline, idle_timeout)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1
