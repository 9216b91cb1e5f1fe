"""The connections of one client: how many there may be, who has one, and which wait to be used again.

Theory of operation
===================

A *slot* permits one connection. There are as many as the client may have connections, and an exchange holds one from
before it looks for a connection until after it has released it:

    acquire()                                       release()
    slot ──> idle connection, or a new one ──> ... ──> idle again, or aborted ──> slot

Slots and connections are counted apart, since connecting takes a while and can fail. Waiting for a slot is first come,
first served: `release` hands its slot to the first in the queue rather than putting it back, so that nobody who comes
later can take it in between. An attempt that was handed one and no longer wants it (its task was cancelled in the same
turn of the loop) hands it on.

Idle connections are used again most recent first, so that those which are too many grow old, and are closed
`limits.IDLE_LIFE` seconds after their last use: common servers close theirs a little later, perhaps under a question.
One timer serves all of them. A connection that ends, or on which anything comes, while it is idle leaves the pool by
itself (`Connection.on_useless`).

All of this happens in one event loop and needs no locks. When that loop has ended, nothing but closing the sockets is
left to be done.
"""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from unichat.transport import limits
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.progress import AttemptStopped, TaskProgress

_CLOSING = 1.0
"""Seconds that closing waits at most for sockets to be closed: usually a turn of the loop."""


class ConnectionPool:
    """Connections to one server. Made within the event loop that it belongs to.

    Args:
        connect: makes a connection.
        size: how many there may be.
    """

    def __init__(self, connect: Callable[[TaskProgress], Awaitable[Connection]], size: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._connect = connect
        self._free_slots = size
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._attempts: set[TaskProgress] = set()
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied = asyncio.Event()

    def try_acquire(self, progress: TaskProgress) -> Connection | None:
        """Return an idle connection, if there is one and a slot for it. `release` must follow."""
        if not self._free_slots:
            return None
        connection = self._pop_idle()
        if connection is not None:
            self._free_slots -= 1
            self._attempts.add(progress)
        return connection

    async def acquire(self, progress: TaskProgress) -> Connection:
        """Wait for a slot, and return a connection. `release` must follow.

        Raises:
            AttemptFailed, AttemptStopped: there is none, and no slot is held.
        """
        self._attempts.add(progress)
        try:
            if self._free_slots:
                self._free_slots -= 1
            else:
                await self._wait_for_slot(progress)
            try:
                if progress.stopped:
                    raise AttemptStopped
                connection = self._pop_idle() or await self._connect(progress)
            except BaseException:
                self._release_slot()
                raise
        except BaseException:
            progress.finish()
            self._attempts.discard(progress)
            raise
        if connection not in self._connections and not connection.is_lost:
            self._connections.add(connection)
            connection.on_useless = self._forget
        return connection

    def release(self, progress: TaskProgress, connection: Connection, *, reusable: bool) -> None:
        """Take a connection and its slot back."""
        progress.finish()
        self._attempts.discard(progress)
        if reusable and not self._closed:
            connection.idle_since = self.loop.time()
            self._idle.append(connection)
            if self._sweeping is None:
                self._sweep_at(connection.idle_since + limits.IDLE_LIFE)
        else:
            connection.abort()
        self._release_slot()

    async def close(self) -> None:
        """End all attempts and connections, and wait until their sockets are closed."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for progress in tuple(self._attempts):
            progress.stop("cancelled")
        self._idle.clear()
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self._emptied.wait()
        # Connections that are being made end in the loop's next turn.
        await asyncio.sleep(0)

    def close_sockets(self) -> None:
        """Close the sockets of a pool whose event loop has ended."""
        if not self._connections:
            return
        self._idle.clear()
        while self._connections:
            self._connections.pop().close_socket()
        with warnings.catch_warnings():
            # asyncio warns of a transport that its loop did not close, as it is collected: so it is collected now.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    async def _wait_for_slot(self, progress: TaskProgress) -> None:
        progress.phase = "queued"
        handed_over = progress.wait()
        self._queue.append(handed_over)
        try:
            if not await handed_over:
                raise AttemptStopped
        except BaseException:
            with suppress(ValueError):
                self._queue.remove(handed_over)
            if handed_over.done() and not handed_over.cancelled() and handed_over.result():
                self._release_slot()
            raise

    def _release_slot(self) -> None:
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.done():
                waiting.set_result(True)
                return
        self._free_slots += 1

    def _pop_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if self.loop.time() - connection.idle_since <= limits.IDLE_LIFE and connection.is_silent():
                return connection
            connection.abort()
        return None

    def _forget(self, connection: Connection) -> None:
        with suppress(ValueError):
            self._idle.remove(connection)
        if connection.is_lost:
            self._connections.discard(connection)
            if self._closed and not self._connections:
                self._emptied.set()

    def _sweep_at(self, when: float) -> None:
        self._sweeping = self.loop.call_at(when, self._sweep)

    def _sweep(self) -> None:
        """Close the idle connections that are too old, and come back when the next one is."""
        self._sweeping = None
        until = self.loop.time() - limits.IDLE_LIFE
        old = sum(connection.idle_since <= until for connection in self._idle)
        for connection in self._idle[:old]:
            connection.abort()
        del self._idle[:old]
        if self._idle:
            self._sweep_at(self._idle[0].idle_since + limits.IDLE_LIFE)
