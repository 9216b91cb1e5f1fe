"""Calls functions at given times, from one thread: it ends calls whose sockets' time-outs start anew with each byte."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable

from attrs import define

from unichat._text.log import log


@define(eq=False)
class Alarm:
    """One function that is due. `cancel()` it when it is no longer wanted."""

    when: float
    ring: Callable[[], None] | None

    def cancel(self) -> None:
        """Forget the function. One that is being called already runs to its end."""
        self.ring = None


class Alarms:
    """The alarms of one process. The thread starts with the first one, and again in a child after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def at(self, when: float, ring: Callable[[], None]) -> Alarm:
        """Have `ring` called when `time.monotonic()` reaches `when`. It must be quick."""
        alarm = Alarm(when, ring)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="unichat-alarms", daemon=True)
                self._thread.start()
            earliest = not self._due or when < self._due[0][0]
            if len(self._due) > 1000 and len(self._due) & (len(self._due) - 1) == 0:
                # Cancelled alarms stay until they are due; at each power of two the heap is freed of them.
                self._due = [entry for entry in self._due if entry[2].ring is not None]
                heapq.heapify(self._due)
            heapq.heappush(self._due, (when, next(self._order), alarm))
            if earliest:
                self._changed.notify()
        return alarm

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                ring = heapq.heappop(self._due)[2].ring
            if ring is not None:
                # Whatever it raises: all deadlines of the process hang on this thread.
                try:
                    ring()
                except Exception:
                    log.exception("an alarm failed")


class Patience:
    """An alarm that rings after so much silence. It counts the time spent on waiting only: a slow reader is no silence.

    It begins counting at once. All but the ringing is called from one thread.
    """

    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        self._left = seconds
        self._ring = ring
        self._due: float | None = time.monotonic() + seconds
        self._alarm: Alarm | None = alarms.at(self._due, self._look)

    def pause(self) -> None:
        """Stop counting: something has come, and the reader looks at it."""
        if self._due is not None:
            self._left, self._due = self._due - time.monotonic(), None

    def heard(self, seconds: float) -> None:
        """Begin anew with the next wait: `seconds` of silence are allowed."""
        self._left = seconds
        if self._due is not None:
            self.resume()

    def resume(self) -> None:
        """Count on: the reader waits again."""
        self._due = time.monotonic() + self._left
        if self._alarm is not None and self._due < self._alarm.when:
            self._alarm.cancel()
            self._alarm = alarms.at(self._due, self._look)

    def _look(self) -> None:
        now, due = time.monotonic(), self._due
        if due is not None and due <= now:
            self._ring()
        elif self._alarm is not None:
            self._alarm = alarms.at(now + max(self._left, 1.0) if due is None else due, self._look)

    def cancel(self) -> None:
        """Stop for good."""
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()


alarms = Alarms()
"""One for the process: a thread for each client would be one too many."""
