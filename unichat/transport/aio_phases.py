"""aiohttp connections that know which attempt they serve, how far it has come, and what ends it.

The counterpart of `phases`: aiohttp's exceptions say no better than those of requests whether a question was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from urllib3.util import wait_for_read

from unichat.policy.deadline import Deadline


class _Within:
    """A wait within one that has a time-out of its own."""

    async def __aenter__(self) -> None:
        """Do nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Do nothing."""


class Attempt:
    """One attempt: how far it has come, and what ends it: the deadline, too long a silence, the client's closing.

    Attributes:
        phase: `connecting`, `handshake`, `sending`, `waiting` or `body`.
        written: whether the request was handed to a connection.
        stopped: whether the client was closed meanwhile.
        protocol, transport: its connection, once it has one.
        reader: where the body of its answer comes.
    """

    def __init__(self, deadline: Deadline, silence: float | None) -> None:
        self.phase = "connecting"
        self.written = False
        self.stopped = False
        self.protocol: Any = None
        self.transport: asyncio.Transport | None = None
        self.reader: aiohttp.StreamReader | None = None
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + deadline.left()
        self._silence = silence
        self._since = self._loop.time()
        self._stalls = False
        self._wait: asyncio.Timeout | None = None
        self._within: _Within | None = None

    def heard(self, seconds: float) -> None:
        """Allow so many seconds of silence from the next wait on."""
        self._silence = seconds

    def whole(self) -> asyncio.Timeout:
        """Return one time-out for all waits of an attempt whose answer is wanted whole: each would cost its share."""
        wait = self.waiting()
        assert isinstance(wait, asyncio.Timeout)
        self._within = _Within()
        return wait

    def waiting(self) -> asyncio.Timeout | _Within:
        """Return the time-out of the next wait."""
        if self._within is not None:
            return self._within
        self._since, due = self._loop.time(), self._end
        if self._silence is not None:
            due = min(due, self._since + self._silence)
        self._stalls = due < self._end
        self._wait = asyncio.timeout_at(due)
        return self._wait

    def handing_out(self) -> None:
        """Something has come; only the time that was waited for it counts as silence, not what its reader takes."""
        if self._silence is not None:
            self._silence -= self._loop.time() - self._since

    def over(self) -> bool:
        """Whether its time has passed, or the client was closed."""
        return self.stopped or self._loop.time() >= self._end

    def passed(self) -> str:
        """Return why a wait ended."""
        if self.stopped:
            return "cancelled"
        # Not by the clock: that of uvloop may be a moment behind its own timers.
        return "stalled" if self._stalls else "deadline"

    def stop(self) -> None:
        """End it now."""
        self.stopped = True
        self._end = self._loop.time()
        if self._wait is not None:
            # It raises between two waits, of which the next ends as soon as it begins.
            with contextlib.suppress(RuntimeError):
                self._wait.reschedule(self._end)


current: ContextVar[Attempt] = ContextVar("unichat_attempt")
"""The attempt that this task is making: aiohttp has no way to hand it to a connection, or to a TLS handshake."""


class Handshake(ssl.SSLObject):
    """Notes that a handshake has begun: aiohttp does not tell it from connecting."""

    def do_handshake(self) -> None:
        """Shake hands, or go on with it."""
        attempt = current.get(None)
        if attempt is not None and attempt.phase == "connecting":
            attempt.phase = "handshake"
        super().do_handshake()


class Connections:
    """The connections of a client, each with the attempt that had it last."""

    def __init__(self) -> None:
        self._users: dict[Any, Attempt] = {}

    def give(self, protocol: Any, attempt: Attempt) -> bool:
        """Give an attempt a connection; return whether another had it before."""
        kept = protocol in self._users
        if not kept and protocol.closed is not None:
            protocol.closed.add_done_callback(partial(self._ended, protocol))
        self._users[protocol] = attempt
        attempt.protocol, attempt.transport = protocol, protocol.transport
        return kept

    def _ended(self, protocol: Any, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            # Asked for, or the loop would complain that nobody did.
            closed.exception()
        reader = self._users.pop(protocol).reader
        # After a broken chunk aiohttp closes the connection, and leaves whoever waits for the rest of it waiting.
        if reader is not None and not reader.is_eof() and reader.exception() is None:
            reader.set_exception(aiohttp.ClientPayloadError("the connection ended"))

    def abandon(self, attempt: Attempt) -> None:
        """End an attempt's connection, if no other has it by now.

        Without a farewell: TLS would wait for the answer to its own, and keep the socket until then.
        """
        if attempt.transport is not None and self._users.get(attempt.protocol) is attempt:
            attempt.transport.abort()


class Connector(aiohttp.TCPConnector):
    """Gives each attempt a connection on which nothing came unasked, and keeps note of it."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._given = connections

    async def connect(self, *args: Any, **options: Any) -> Any:
        """Return a connection, kept or new."""
        while True:
            connection: Any = await super().connect(*args, **options)
            attempt = current.get()
            if not self._given.give(connection.protocol, attempt) or is_silent(connection.protocol):
                attempt.phase = "sending"
                return connection
            connection.close()


def is_silent(protocol: Any) -> bool:
    """Whether nothing came on a kept connection: its end, or what would pass for the answer to the next question."""
    # What the loop has read, and what the kernel still has.
    return not protocol.should_close and not wait_for_read(protocol.transport.get_extra_info("socket"), timeout=0.0)


class Asking(aiohttp.ClientRequest):
    """A request that notes that it was written. aiohttp's own tracing would tell as well, at many times the cost."""

    async def send(self, conn: Any) -> Any:
        """Hand the request to its connection."""
        response = await super().send(conn)
        attempt = current.get()
        attempt.phase, attempt.written = "waiting", True
        return response
