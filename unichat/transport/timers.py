"""Calls functions at given times, from one thread for the whole process.

A socket's own time-out restarts with each byte, so it can keep neither a deadline nor a limit on idle time. These
timers can: what they call ends the connection from outside.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import weakref
from collections.abc import Callable

from attrs import define

from unichat._text.log import log
from unichat.transport.forks import reset_after_fork


class NoThread(Exception):
    """The system allows no further thread: a limit on processes, or an interpreter that is shutting down."""


@define(eq=False)
class Timer:
    """One function that is due. `cancel()` it when it is no longer wanted."""

    when: float
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        """Forget the function. One that is being called already runs to its end."""
        self.callback = None


class TimerThread:
    """The timers of one process. The thread starts with the first one, and again in a child after a fork."""

    def __init__(self) -> None:
        self._reset()
        reset_after_fork(self._reset)

    def _reset(self) -> None:
        # Taken by `with` alone, and not by the condition's own: between the end of that and the block, which is in C
        # here, Ctrl-C would leave it taken.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._due: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Have `callback` called when `time.monotonic()` reaches `when`. It must be quick.

        Raises:
            NoThread: there is no thread to call it from, and none can be started. The next timer tries again.
        """
        timer = Timer(when, callback)
        with self._lock:
            if self._thread is None:
                self._start()
            earliest = not self._due or when < self._due[0][0]
            if len(self._due) > 1000 and len(self._due) & (len(self._due) - 1) == 0:
                # Cancelled timers stay until they are due; at each power of two the heap is freed of them.
                self._due = [entry for entry in self._due if entry[2].callback is not None]
                heapq.heapify(self._due)
            heapq.heappush(self._due, (when, next(self._order), timer))
            if earliest:
                self._changed.notify()
        return timer

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="unichat-timers", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise NoThread(str(error)) from None
        self._thread = thread

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                callback = heapq.heappop(self._due)[2].callback
            if callback is not None:
                # Whatever it raises: all deadlines of the process depend on this thread.
                try:
                    callback()
                except Exception:
                    log.exception("a timer's callback failed")


class IdleTimer:
    """Calls a function after so many seconds of waiting. Time that the consumer takes between two waits is not idle.

    It begins counting at once. All but the callback is called from one thread. One that is forgotten instead of
    cancelled calls nothing.

    Raises:
        NoThread: there is no thread for timers.
    """

    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self._left = seconds
        self._callback = callback
        self._due: float | None = time.monotonic() + seconds
        self._timer: Timer | None = self._set(self._due)

    def _set(self, when: float) -> Timer:
        check = weakref.WeakMethod(self._check)

        def call() -> None:
            if (alive := check()) is not None:
                alive()

        return timers.call_at(when, call)

    def pause(self) -> None:
        """Stop counting: something has come, and the consumer looks at it."""
        if self._due is not None:
            self._left, self._due = self._due - time.monotonic(), None

    def reset(self, seconds: float) -> None:
        """Restart with the next wait: `seconds` of it are allowed."""
        self._left = seconds
        if self._due is not None:
            self._count()

    def resume(self) -> None:
        """Count on, unless it counts already: the consumer waits again."""
        if self._due is None:
            self._count()

    def _count(self) -> None:
        self._due = time.monotonic() + self._left
        if self._timer is not None and self._due < self._timer.when:
            self._timer.cancel()
            self._timer = self._set(self._due)

    def _check(self) -> None:
        now, due = time.monotonic(), self._due
        if due is not None and due <= now:
            self._callback()
        elif self._timer is not None:
            self._timer = self._set(now + max(self._left, 1.0) if due is None else due)

    def cancel(self) -> None:
        """Stop for good."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


timers = TimerThread()
"""One for the process: a thread for each client would be one too many."""
