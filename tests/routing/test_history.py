"""The histories of all members as one: by time where all have times, lazily, and a failing member is named."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.conftest import Vendors
from unichat.errors import InvalidInput, ServerError, Unsupported
from unichat.models import Exchange
from unichat.routing.history import MemberHistory, MergedHistory

START = datetime(2026, 1, 1, tzinfo=UTC)


class Pages:
    """A reader whose pages are at hand, and which counts those that were read."""

    def __init__(self, pages: Iterable[list[Exchange]]) -> None:
        self._pages = iter(pages)
        self.read = 0

    def read_page(self) -> Generator[Any, Any, list[Exchange] | None]:
        self.read += 1
        return next(self._pages, None)
        yield


def row(name: str, second: int | None) -> Exchange:
    at = None if second is None else START + timedelta(seconds=second)
    return Exchange(question=name, answer="", created_at=at)


def read_page(history: MergedHistory) -> list[str] | None:
    program = history.read_page()
    try:
        next(program)
    except StopIteration as stop:
        return None if stop.value is None else [each.question for each in stop.value]
    raise AssertionError("it does no I/O here")


def read_all(history: MergedHistory) -> list[str]:
    rows: list[str] = []
    while (page := read_page(history)) is not None:
        rows += page
    return rows


def merge(*members: list[list[Exchange]], **options: Any) -> tuple[MergedHistory, list[Pages]]:
    readers = [Pages(pages) for pages in members]
    parts = [MemberHistory(str(number), reader) for number, reader in enumerate(readers)]
    return MergedHistory(parts, **{"by_time": True, "newest_first": False, "limit": None, **options}), readers


def test_rows_are_merged_by_time_over_pages() -> None:
    history, _ = merge(
        [[row("a1", 1), row("a4", 4)], [], [row("a5", 5)]], [[row("b2", 2)], [row("b3", 3), row("b6", 6)]]
    )
    assert read_all(history) == ["a1", "b2", "b3", "a4", "a5", "b6"]
    history, _ = merge([[row("a4", 4)], [row("a1", 1)]], [[row("b3", 3), row("b2", 2)]], newest_first=True)
    assert read_all(history) == ["a4", "b3", "b2", "a1"]


def test_only_as_much_is_read_as_is_needed() -> None:
    history, (a, b) = merge(
        [[row("a1", 1)], [row("a5", 5)]], [[row("b2", 2), row("b3", 3), row("b4", 4)], [row("b9", 9)]]
    )
    assert (a.read, b.read) == (0, 0)
    assert read_page(history) == ["a1"]
    assert (a.read, b.read) == (1, 1)
    assert read_page(history) == ["b2", "b3", "b4"]
    assert (a.read, b.read) == (2, 1)


def test_a_limit_counts_over_all_members() -> None:
    history, _ = merge([[row("a1", 1), row("a3", 3)]], [[row("b2", 2), row("b4", 4)]], limit=3)
    assert read_all(history) == ["a1", "b2", "a3"]
    history, readers = merge([[row("a1", 1)]], limit=0)
    assert read_all(history) == []
    assert readers[0].read == 0


def test_a_row_without_a_time_stays_where_its_member_has_it() -> None:
    history, _ = merge(
        [[row("a0", None), row("a2", 2), row("a2b", None), row("a4", 4)]], [[row("b1", 1), row("b3", 3)]]
    )
    assert read_all(history) == ["a0", "b1", "a2", "a2b", "b3", "a4"]


def test_without_times_one_member_follows_the_other() -> None:
    history, (a, b) = merge([[row("a1", None)], [row("a2", None)]], [[], [row("b1", None)]], by_time=False)
    assert read_page(history) == ["a1"]
    assert (a.read, b.read) == (1, 0)
    assert read_all(history) == ["a2", "b1"]


@given(st.lists(st.lists(st.lists(st.integers(0, 50), max_size=4), max_size=4), min_size=1, max_size=4), st.booleans())
def test_all_rows_come_once_and_in_order(members: list[list[list[int]]], newest_first: bool) -> None:
    pages = []
    for number, member in enumerate(members):
        times = sorted((time for page in member for time in page), reverse=newest_first)
        cut = iter(times)
        pages.append([[row(f"{number}:{time}", time) for time in islice(cut, len(page))] for page in member])
        pages[-1].append([row(f"{number}:{time}", time) for time in cut])
    history, _ = merge(*pages, newest_first=newest_first)
    rows = read_all(history)
    times = [int(each.partition(":")[2]) for each in rows]
    assert times == sorted(times, reverse=newest_first)
    assert sorted(rows) == sorted(f"{n}:{t}" for n, member in enumerate(members) for page in member for t in page)


def test_history_of_a_route_is_that_of_all_members(vendors: Vendors) -> None:
    client = vendors.split({"kapa": 1, "kadal": 1})
    vendors.kapa.answers("from Kapa")
    vendors.kadal.answers("from Kadal")
    by_member = {client.member_for(user=user): user for user in ("ada", "bob", "cy", "dan", "eve", "fay")}
    for user in by_member.values():
        client.chat("one", user=user)
    assert {each.answer for each in client.history()} == {"from Kapa", "from Kadal"}
    assert [each.answer for each in client.history(user=by_member["kadal"])] == ["from Kadal"]


def test_a_member_whose_history_cannot_be_read_is_named(vendors: Vendors) -> None:
    client = vendors.fallback()
    rows = client.history(user="ada")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError, match="kadal: HTTP 503") as caught:
        list(rows)
    assert [attempt.profile for attempt in caught.value.attempts] == ["kadal"]


def test_what_a_member_cannot_do_is_raised_at_once_or_dropped(vendors: Vendors) -> None:
    vendors.kadal.capabilities(history=False)
    client = vendors.fallback()
    vendors.kapa.answers("from Kapa")
    client.chat("one", user="ada")
    with pytest.raises(Unsupported):
        client.history(user="ada")
    assert [each.answer for each in client.history(user="ada", on_unsupported="drop")] == ["from Kapa"]
    with pytest.raises(InvalidInput):
        client.history(limit=-1)
