"""The histories of a route's members, as one: in order of time where all have times, else member after member."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from attrs import define, field

from unichat.client.paging import RowReader
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.models import Exchange
from unichat.routing.failures import name_failure


@define(eq=False)
class MemberHistory:
    """One member's history, as far as it was read.

    Attributes:
        name: the member's.
        reader: reads it.
        rows: those that were read, and not given yet.
        ended: whether there are no more.
        time: that of the last row that had one.
    """

    name: str
    reader: RowReader[Exchange]
    rows: deque[Exchange] = field(factory=deque)
    ended: bool = False
    time: datetime | None = None

    def fill(self) -> Program[None]:
        """Read on until there is a row, or none is left.

        Raises:
            UnichatError: it could not be read; the error names the member.
        """
        while not (self.rows or self.ended):
            try:
                page = yield from self.reader.read_page()
            except UnichatError as error:
                name_failure(self.name, error)
                raise
            if page is None:
                self.ended = True
            else:
                self.rows.extend(page)

    def next_time(self) -> datetime | None:
        """Return the time of the next row: its own, or else that of the row before it."""
        self.time = self.rows[0].created_at or self.time
        return self.time


class MergedHistory:
    """Reads the histories of several members. Of each, one page is in memory.

    Args:
        parts: of the members, in order.
        by_time: whether their rows are merged by time.
        newest_first: whether each has its newest rows first.
        limit: rows in all; None for all of them.
    """

    def __init__(self, parts: Sequence[MemberHistory], *, by_time: bool, newest_first: bool, limit: int | None) -> None:
        self._parts = list(parts)
        self._by_time = by_time
        self._newest_first = newest_first
        self._remaining = limit

    def read_page(self) -> Program[list[Exchange] | None]:
        """Return the next rows; None after the last ones.

        Raises:
            UnichatError: a member's could not be read; the error names the member.
        """
        if self._remaining == 0:
            return None
        for part in self._parts if self._by_time else self._parts[:1]:
            yield from part.fill()
            # One that has ended must not be in the way of the next.
            if part.ended and not self._by_time:
                self._parts = self._parts[1:]
                return []
        self._parts = [part for part in self._parts if not part.ended or part.rows]
        if not self._parts:
            return None
        rows = self._merge() if self._by_time else self._take_page()
        if self._remaining is not None:
            rows = list(islice(rows, self._remaining))
            self._remaining -= len(rows)
        return rows

    def _take_page(self) -> list[Exchange]:
        rows = list(self._parts[0].rows)
        self._parts[0].rows.clear()
        return rows

    def _merge(self) -> list[Exchange]:
        """Return rows in order, until a member must be read on before it is known whose row is next."""
        merged = []
        while all(part.rows for part in self._parts):
            merged.append(self._next_part().rows.popleft())
        return merged

    def _next_part(self) -> MemberHistory:
        # A row without any time before it comes first, as it is in its member's history.
        timed = [(time.timestamp(), part) for part in self._parts if (time := part.next_time()) is not None]
        if len(timed) < len(self._parts):
            return next(part for part in self._parts if part.time is None)
        choose = max if self._newest_first else min
        return choose(timed, key=lambda each: each[0])[1]
