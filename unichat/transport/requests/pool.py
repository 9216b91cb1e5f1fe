"""urllib3's pools, over tracked connections: which ones are idle, and that no two attempts ever have the same.

Theory of operation
===================

urllib3's pool hands out a connection for a request, and its response puts the connection back as soon as the body has
been read to its end. Three things are different here.

*How many there may be* is not the pool's business. Its own limit either waits without an end, or opens connections
beyond it; the transport's slots (`WeakSemaphore`) keep to the limit and to the deadline. So a pool never waits.

*Where idle ones are kept* is a stack without a lock. `queue.LifoQueue`, urllib3's default, takes its lock in Python
code: a Ctrl-C just then would leave it taken, and all threads would wait for ever. Most recent first, so that those
that are too many grow old; what was idle for long is not trusted with a question (`TrackedConnection.is_connected`).

*Who has one.* A connection is free of its attempt (`release`) before it is in the stack, so that no timer of an
attempt can end the next one's. It is in the stack once at most: a response whose putting back was interrupted would
put it back again.
"""

from __future__ import annotations

import queue
from collections import deque
from typing import Any

from urllib3.connectionpool import (  # type: ignore[attr-defined]
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
)

from unichat.transport.guard import check_host
from unichat.transport.requests.connections import TrackedConnection, TrackedTLSConnection
from unichat.transport.requests.progress import current


class IdleStack(queue.LifoQueue[Any]):
    """The connections of a pool that are idle: of a queue, what urllib3 uses, without its locks."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__()
        self._idle: deque[Any] = deque()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the one that was used last. Never waits.

        Raises:
            queue.Empty: there is none: urllib3 then makes one.
        """
        try:
            return self._idle.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add one; None, which urllib3 puts in a connection's place, is of no use here."""
        if item is not None and item not in self._idle:
            self._idle.append(item)

    def qsize(self) -> int:
        """How many there are."""
        return len(self._idle)


class TrackingPool:
    """What both kinds of pool have in common."""

    QueueCls = IdleStack

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if current.progress is None:
            return connection
        if isinstance(connection, TrackedConnection):
            # Before each request, since kept connections lead away from this machine as new ones do.
            try:
                check_host(current.progress.host)
            except BaseException:
                connection.close()
                raise
        else:
            # Of a tool that records calls: it does not say how far a request has come, so it may have arrived.
            current.progress.phase, current.progress.written = "sending", 1
        return connection

    def _put_conn(self, conn: Any) -> None:
        if isinstance(conn, TrackedConnection):
            conn.release()
        super()._put_conn(conn)  # type: ignore[misc]


class _Pool(TrackingPool, HTTPConnectionPool):
    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802 - urllib3's name
        # A tool that records calls puts its own class there.
        theirs = HTTPConnectionPool.ConnectionCls
        return TrackedConnection if theirs is HTTPConnection else theirs


class _TLSPool(TrackingPool, HTTPSConnectionPool):
    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802
        theirs = HTTPSConnectionPool.ConnectionCls
        return TrackedTLSConnection if theirs is HTTPSConnection else theirs


POOLS = {"http": _Pool, "https": _TLSPool}
"""For `PoolManager.pool_classes_by_scheme`."""
