"""Attempts over aiohttp that know how far they have come, and what ends them.

The counterpart of `phases`: aiohttp's exceptions say no better than those of requests whether a question was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextvars import ContextVar
from typing import Any

import aiohttp

from unichat.transport.base import Deadline


class Sending:
    """One attempt: how far it has come, and what ends it: the deadline, too long a silence, the client's closing.

    Attributes:
        phase: `queued` (others have all the connections), `connecting`, `handshake`, `sending`, `waiting` or `body`.
        written: whether the request was handed to a connection.
        stopped: whether the client was closed meanwhile.
        protocol, transport: its connection, once it has one.
        reader: where the body of its answer comes.
    """

    __slots__ = (
        "_end", "_loop", "_silence", "_since", "_stalls", "_wait",
        "phase", "protocol", "reader", "stopped", "transport", "written",
    )  # fmt: skip

    def __init__(self, deadline: Deadline, silence: float | None) -> None:
        self.phase = "connecting"
        self.written = False
        self.stopped = False
        self.protocol: Any = None
        self.transport: asyncio.Transport | None = None
        self.reader: aiohttp.StreamReader | None = None
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._end = self._since + deadline.remaining()
        self._silence = silence
        self._stalls = False
        self._wait: asyncio.Timeout | None = None

    def heard(self, seconds: float) -> None:
        """Allow so many seconds of silence from the next wait on."""
        self._silence = seconds

    def waiting(self) -> asyncio.Timeout:
        """Return the time-out of the next wait."""
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


current: ContextVar[Sending] = ContextVar("unichat_attempt")
"""The attempt that this task is making: aiohttp has no way to hand it to a TLS handshake."""


class Handshake(ssl.SSLObject):
    """Notes that a handshake has begun: aiohttp does not tell it from connecting."""

    def do_handshake(self) -> None:
        """Shake hands, or go on with it."""
        attempt = current.get(None)
        if attempt is not None and attempt.phase == "connecting":
            attempt.phase = "handshake"
        super().do_handshake()
