"""How far one attempt has come, and what ends it from outside: its deadline, idle time, or the client's closing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import weakref
from collections.abc import Callable

from attrs import define, field

from unichat.transport.base import Deadline
from unichat.transport.timers import IdleTimer, timers
from unichat.transport.weak_semaphore import Permit


@define(eq=False)
class SocketProgress:
    """How far one attempt has come.

    Attributes:
        deadline: of the whole call; it also bounds each address that is tried.
        host: the vendor's, also where a proxy leads to it.
        avoid_stale_connection: whether a connection that has been idle for long is left alone.
        phase: `resolving`, `connecting`, `handshake`, `sending`, `waiting` or `body`.
        written: bytes of the request that the kernel took.
        stopped: why another thread ended it: `deadline`, `stalled` or `cancelled`.
        over: whether the whole answer has come, so that nothing can end it any more.
    """

    deadline: Deadline
    host: str = "localhost"
    avoid_stale_connection: bool = False
    phase: str = "resolving"
    written: int = 0
    stopped: str | None = None
    over: bool = False
    _socket: socket.socket | None = field(default=None, init=False)
    # Reentrant, since a signal's handler may close the stream that its own thread reads.
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def watch(self, watched: socket.socket | None) -> None:
        """Say which socket `stop` has to end; it ends at once if the attempt was stopped before."""
        with self._lock:
            self._socket = watched
            if self.stopped is not None:
                shut_down(watched)

    def stop(self, reason: str) -> None:
        """End the attempt from another thread: reading and writing on its socket ends at once."""
        # Under the lock to the end: the socket may serve the next call as soon as `release` has returned.
        with self._lock:
            if self.over:
                return
            if self.stopped is None:
                self.stopped = reason
            shut_down(self._socket)

    def disown(self) -> None:
        """Leave the attempt to the process that this one was forked from: its connection is not this one's to end."""
        # Another thread of the parent may have had it.
        self._lock = threading.RLock()
        self.stopped, self._socket = "cancelled", None

    def release(self) -> None:
        """Release the socket: the whole answer has come, and the connection is free for another call."""
        with self._lock:
            self.over = self.stopped is None
            self._socket = None


def shut_down(watched: socket.socket | None) -> None:
    """End both directions of a connection, so that whichever thread reads or writes on it comes back."""
    if watched is not None:
        # urllib3's TLS within the TLS of a proxy is not a socket, but has one.
        plain: socket.socket = getattr(watched, "socket", watched)
        # The unbound method: SSLSocket's own would also forget its TLS state under the feet of the reader.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(plain, socket.SHUT_RDWR)


class CurrentAttempt(threading.local):
    """The attempt that this thread is making: urllib3 has no way to hand it to a connection."""

    progress: SocketProgress | None = None


current = CurrentAttempt()


class Watchdog:
    """Ends one attempt at its deadline, or after too much idle time, and holds the attempt's slot until it is over.

    Timers know the attempt weakly: one that an interrupt keeps from being cancelled holds nothing.

    Args:
        slot: the permit to have a connection.

    Raises:
        NoThread: there is no thread for timers. The slot is returned with the last reference to it.
    """

    def __init__(self, progress: SocketProgress, idle_timeout: float | None, slot: Permit) -> None:
        self.progress = progress
        self._slot = slot
        self._is_over = False
        due = time.monotonic() + progress.deadline.remaining()
        self._timer = timers.call_at(due, self._stop_for("deadline"))
        self._idle = None if idle_timeout is None else self._begin_idle(idle_timeout)

    def _stop_for(self, reason: str) -> Callable[[], None]:
        attempt = weakref.ref(self.progress)

        def stop() -> None:
            if (progress := attempt()) is not None:
                progress.stop(reason)

        return stop

    def _begin_idle(self, seconds: float) -> IdleTimer:
        return IdleTimer(seconds, self._stop_for("stalled"))

    def reset_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on."""
        if self._idle is not None:
            self._idle.reset(seconds)
        elif not self._is_over:
            self._idle = self._begin_idle(seconds)

    def pause(self) -> None:
        """Stop counting idle time: the consumer looks at what has come."""
        if self._idle is not None:
            self._idle.pause()

    def resume(self) -> None:
        """Count idle time: the consumer waits for more."""
        if self._idle is not None:
            self._idle.resume()

    def end(self) -> None:
        """The attempt is over. Ending twice is fine."""
        self._is_over = True
        self._timer.cancel()
        if self._idle is not None:
            self._idle.cancel()
        self._slot.release()
