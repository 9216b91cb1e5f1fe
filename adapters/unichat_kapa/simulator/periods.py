"""Periods and cursors of the simulated analytics: weeks, months and quarters, newest first."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from attrs import frozen

from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.errors import field_error, not_found_error
from unichat_kapa.simulator.lists import read_page_size

T = TypeVar("T")

INTERVALS = ("weekly", "monthly", "quarterly")


@frozen
class Period:
    """A week, month or quarter: from the first day to the last."""

    interval: str
    start: date
    end: date

    def id(self, project: str, kind: str) -> str:
        """Return its id, which is another one for each project and kind of clusters."""
        return str(uuid.uuid5(uuid.UUID(project), f"{kind} {self.interval} {self.start}"))

    def contains(self, time: str) -> bool:
        """Whether a time, as it is stored, is in the period."""
        return self.start <= datetime.fromisoformat(time).date() <= self.end


def find_period(day: date, interval: str) -> Period:
    """Return the period that a day is in."""
    if interval == "weekly":
        start = day - timedelta(days=day.weekday())
        return Period(interval, start, start + timedelta(days=6))
    months = 1 if interval == "monthly" else 3
    start = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    after = (start.replace(day=28) + timedelta(days=31 * months - 24)).replace(day=1)
    return Period(interval, start, after - timedelta(days=1))


def list_periods(times: Sequence[str], interval: str, today: date, *, with_current: bool) -> Iterator[Period]:
    """Yield the periods with any of these times, newest first; the current one only if it is wanted."""
    found = {find_period(datetime.fromisoformat(time).date(), interval) for time in times}
    for period in sorted(found, key=lambda each: each.start, reverse=True):
        if with_current or period.end < today:
            yield period


def read_interval(context: Context) -> str:
    """Return the `interval` of the query, weekly by default.

    Raises:
        ApiError: 400 if it is another word.
    """
    interval = context.request.query_params.get("interval", "weekly")
    if interval not in INTERVALS:
        raise field_error("interval", f'"{interval}" is not a valid choice.')
    return interval


def paginate_by_cursor(context: Context, rows: Sequence[T]) -> tuple[Sequence[T], dict[str, Any]]:
    """Return the page of the query's `page_size` and `cursor`, and its `next_cursor`.

    Raises:
        ApiError: 400 if the size is not valid, 404 if the cursor is not.
    """
    size = read_page_size(context)
    start = _read_cursor(context.request.query_params.get("cursor"))
    more = len(rows) > start + size
    cursor = base64.urlsafe_b64encode(f"row {start + size}".encode()).decode() if more else None
    return rows[start : start + size], {"next_cursor": cursor}


def _read_cursor(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        word, number = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        if word != "row" or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise ValueError(number)
        return int(number)
    except ValueError:
        raise not_found_error("Invalid cursor") from None
