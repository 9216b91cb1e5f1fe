"""How far one attempt has come, and what ends its waits: its deadline, the idle timeout, the closing of the client.

Most of an attempt's waits are for a future, which is resolved when there is news (`wait`, `wake`, `stop`). Only
connecting waits within asyncio's own coroutines, and is ended by cancelling (`time_limit`). An attempt has one timer,
which is set again only where it is due too late: a time-out for each wait would cost more than all else that a wait
takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from unichat.transport.base import Deadline, TransportFailure


class AttemptFailed(Exception):
    """The network or the server ended the attempt. `kind` is the row of the failure table."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


class AttemptStopped(Exception):
    """The attempt was stopped from this side: `TaskProgress.stopped` says why."""


class TaskProgress:
    """One attempt.

    Attributes:
        phase: `queued` (others have all the connections), `connecting`, `handshake`, `sending`, `waiting` or `body`.
        delivered: whether bytes of the request may have reached the vendor.
        stopped: why it was ended from this side: `deadline`, `stalled` or `cancelled`; empty while it runs.
    """

    __slots__ = (
        "_due", "_end", "_idle_timeout", "_loop", "_scope", "_since", "_timer", "_waiter",
        "delivered", "phase", "stopped",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: Deadline, idle_timeout: float | None = None) -> None:
        self.phase = "connecting"
        self.delivered = False
        self.stopped = ""
        self._loop = loop
        self._since = loop.time()
        self._end = self._since + deadline.remaining()
        self._idle_timeout = idle_timeout
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._scope: asyncio.Timeout | None = None

    def reset_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on, until the next reset."""
        self._idle_timeout = seconds
        if self._is_waiting():
            self._since = self._loop.time()
            if (due := self._next_due()) < self._due:
                self._set_timer(due)

    def limit_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on, if not fewer are allowed already."""
        if self._idle_timeout is None or self._idle_timeout > seconds:
            self.reset_idle_timeout(seconds)

    def wait(self) -> asyncio.Future[bool]:
        """Return a future that gives True as soon as somebody has news, and False when the attempt is stopped."""
        waiter = self._waiter = self._loop.create_future()
        if self.stopped:
            waiter.set_result(False)
            return waiter
        self._since = self._loop.time()
        due = self._next_due()
        if self._timer is None or due < self._due:
            self._set_timer(due)
        return waiter

    def wake(self) -> None:
        """End the wait: there is news. Without effect if nothing waits."""
        if self._is_waiting():
            self._count_idle()
            assert self._waiter is not None
            self._waiter.set_result(True)

    def stop(self, reason: str) -> None:
        """End the attempt's wait now, and each later one at once."""
        if not self.stopped:
            self.stopped = reason
        if self._is_waiting():
            assert self._waiter is not None
            self._waiter.set_result(False)
        elif self._scope is not None:
            self._scope.reschedule(self._loop.time())

    def is_over(self) -> bool:
        """Whether its time has passed, or it was stopped."""
        if not self.stopped and self._loop.time() >= self._end:
            self.stopped = "deadline"
        return bool(self.stopped)

    def finish(self) -> None:
        """Forget the timer: nothing of this attempt waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @asynccontextmanager
    async def time_limit(self, seconds: float) -> AsyncIterator[None]:
        """Limit a block whose waits are not by `wait`.

        Raises:
            AttemptStopped: the attempt was stopped, or its own time passed.
            AttemptFailed: `seconds` passed before (`connect_timeout`).
        """
        if self.stopped:
            raise AttemptStopped
        self._since = self._loop.time()
        own_due, limit = self._next_due(), self._since + seconds
        reason = self._reason()
        scope = asyncio.timeout_at(min(own_due, limit))
        try:
            async with scope:
                self._scope = scope
                try:
                    yield
                finally:
                    self._scope = None
        except TimeoutError:
            if not scope.expired():
                raise
            if not self.stopped and own_due > limit:
                raise AttemptFailed("connect_timeout") from None
            self.stopped = self.stopped or reason
            raise AttemptStopped from None
        self._count_idle()

    def failure(self, error: AttemptFailed | AttemptStopped) -> TransportFailure:
        """Return the attempt's end as the failure table knows it."""
        if isinstance(error, AttemptFailed):
            return TransportFailure(error.kind, error.detail, phase=self.phase)
        if self.phase == "queued":
            detail = "all connections were busy" if self.stopped == "deadline" else ""
            return TransportFailure(self.stopped, detail, delivered=False, phase="connecting")
        return TransportFailure(self.stopped, delivered=self.delivered, phase=self.phase)

    def _is_waiting(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _next_due(self) -> float:
        # That others have all the connections is not the vendor's idleness.
        if self._idle_timeout is None or self.phase == "queued":
            return self._end
        return min(self._end, self._since + self._idle_timeout)

    def _reason(self) -> str:
        return "stalled" if self._next_due() < self._end else "deadline"

    def _count_idle(self) -> None:
        # Only what was waited for: the time that a reader takes in between is its own.
        if self._idle_timeout is not None and self.phase != "queued":
            self._idle_timeout -= self._loop.time() - self._since

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if not self._is_waiting():
            # The next wait sets a timer of its own.
            return
        due = self._next_due()
        # Not by the clock: that of uvloop may be a moment behind its own timers.
        if due > self._due:
            self._set_timer(due)
        else:
            self.stop(self._reason())
