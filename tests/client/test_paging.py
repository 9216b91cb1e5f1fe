"""Which page is next, and which of its rows are new: without a client, a transport or a vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import bench, nothing_else, operation, reply
from unichat.adapter import Operation, Page, Paged, Request
from unichat.client import paging
from unichat.client.paging import PagedReader, Paging
from unichat.errors import InvalidResponse
from unichat.execution.call import Call


def fetch(path: str) -> Operation[Any]:
    return evolve(operation(), request=Request("GET", path))


def identity(row: Any) -> Any:
    return row


def build_list(path: str = "/1", key: Callable[[Any], Any] = identity, **options: Any) -> Paged[Any]:
    return Paged(fetch(path), key, **options)


def read(paged: Paged[Any], pages: dict[str, Page[Any]], limit: int = 100) -> tuple[list[Any], list[str]]:
    """All rows of a list, and the paths that were fetched; `pages` are by path."""
    reading, rows, fetched = Paging(paged, limit), [], []
    while (step := reading.next_step()) is not None:
        if isinstance(step, list):
            rows += step
        else:
            fetched.append(step.request.path)
            reading.take_page(pages[step.request.path])
    return rows, fetched


def page(*rows: Any, then: str | None = None) -> Page[Any]:
    return Page(rows, None if then is None else fetch(then))


def test_paging_reads_page_after_page_to_the_last():
    pages = {"/1": page(1, 2, then="/2"), "/2": page(3, then="/3"), "/3": page()}
    assert read(build_list(), pages) == ([1, 2, 3], ["/1", "/2", "/3"])


def test_paging_gives_rows_before_the_next_page_is_fetched():
    reading = Paging(build_list(), 9)
    assert isinstance(reading.next_step(), Operation)
    reading.take_page(page(1, then="/2"))
    assert reading.next_step() == [1]
    assert isinstance(reading.next_step(), Operation)


def test_paging_gives_a_row_once_that_moved_to_the_next_page():
    pages = {"/1": page(1, 2, then="/2"), "/2": page(2, 3)}
    assert read(build_list(), pages)[0] == [1, 2, 3]


def test_paging_gives_each_row_without_a_key():
    pages = {"/1": page("a", "a", then="/2"), "/2": page("a", "b")}
    assert read(build_list(key=lambda row: None), pages)[0] == ["a", "a", "a", "b"]


def test_paged_reader_begins_a_call_for_the_list_and_one_for_each_page():
    made, begun = bench(reply(200), reply(200)), []

    def begin_call(preparing: bool) -> Call:
        begun.append(preparing)
        return made.context.call()

    second = evolve(fetch("/2"), parse=lambda _: page(2))
    paged = Paged(evolve(fetch("/1"), parse=lambda _: Page((1,), second)), identity)
    reader = PagedReader(nothing_else(paged), begin_call, made.context, limit=None, page_limit=9)
    rows = []
    while (found := made.perform(reader.read_page())) is not None:
        rows += found
    assert (rows, begun) == ([1, 2], [True, False, False])


def test_paging_continues_after_one_page_of_known_rows_and_ends_after_two():
    pages = {
        "/1": page(1, 2, then="/2"),
        "/2": page(1, 2, then="/3"),
        "/3": page(3, then="/4"),
        "/4": page(3, then="/5"),
        "/5": page(1, then="/6"),
    }
    assert read(build_list(), pages) == ([1, 2, 3], ["/1", "/2", "/3", "/4", "/5"])


def test_paging_ends_where_the_same_page_comes_again_although_its_rows_have_no_key():
    pages = {f"/{number}": page("a", then=f"/{number + 1}") for number in range(1, 9)}
    assert read(build_list(key=lambda row: None), pages) == (["a"], ["/1", "/2", "/3"])


def test_paging_ends_at_a_page_without_rows_that_leads_back_to_an_earlier_one():
    pages = {"/1": page(1, then="/2"), "/2": page(then="/1")}
    assert read(build_list(), pages) == ([1], ["/1", "/2"])


def test_paging_at_the_page_limit_raises_only_if_more_would_follow():
    pages = {"/1": page(1, then="/2"), "/2": page(2, then="/3"), "/3": page(3)}
    assert read(build_list(), pages, limit=3)[0] == [1, 2, 3]
    with pytest.raises(InvalidResponse, match="the history did not end after 2 pages"):
        read(build_list(), pages, limit=2)


def test_take_page_of_what_is_not_a_page_raises_type_error():
    reading = Paging(build_list(), 9)
    reading.next_step()
    with pytest.raises(TypeError, match="a page is list"):
        reading.take_page([1])  # type: ignore[arg-type]


def test_paging_keeps_only_the_rows_that_the_list_wants():
    pages = {"/1": page(1, 2, then="/2"), "/2": page(3, 4)}
    assert read(build_list(keep=lambda row: row % 2 == 0), pages)[0] == [2, 4]


@pytest.mark.parametrize(
    ("order", "expected"),
    [(None, [1, 2, 3, 4]), ("newest_first", [4, 3, 2, 1]), ("oldest_first", [3, 4, 1, 2])],
)
def test_paging_with_an_order_reads_all_and_reverses_the_pages(order, expected):
    # What `order` names is how the rows come within a page whose pages come newest first.
    pages = {"/1": page(1, 2, then="/2"), "/2": page(3, 4)}
    assert read(build_list(order=order), pages)[0] == expected


def nest(**options: Any) -> Paged[Any]:
    return evolve(build_list("/outer").flat_map(lambda item: build_list(f"/{item}")), **options)


NESTED_PAGES = {
    "/outer": page("a", "b", then="/outer2"),
    "/outer2": page("c"),
    "/a": page(1, then="/a2"),
    "/a2": page(2),
    "/b": page(),
    "/c": page(3, 4),
}


def test_paging_reads_the_lists_within_a_list_in_order():
    assert read(nest(), NESTED_PAGES) == ([1, 2, 3, 4], ["/outer", "/a", "/a2", "/b", "/outer2", "/c"])


def test_paging_counts_the_pages_of_all_levels_together():
    assert read(nest(), NESTED_PAGES, limit=6)[0] == [1, 2, 3, 4]
    with pytest.raises(InvalidResponse, match="after 5 pages"):
        read(nest(), NESTED_PAGES, limit=5)


def test_paging_keeps_only_wanted_rows_of_the_lists_within_a_list():
    assert read(nest(keep=lambda row: row > 2), NESTED_PAGES)[0] == [3, 4]


def test_paging_remembers_rows_of_nearby_pages_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(paging, "_REMEMBERED_ROWS", 4)
    recent = paging._Recent()
    assert [recent.add(number) for number in range(100)] == [True] * 100
    assert len(recent._values) + len(recent._before) <= 8
    assert [recent.add(number) for number in range(96, 100)] == [False] * 4


@given(st.lists(st.lists(st.integers(0, 30), max_size=5), min_size=1, max_size=8))
def test_paging_over_any_pages_ends_and_gives_no_row_twice(rows):
    pages = {
        f"/{number}": page(*each, then=f"/{number + 1}" if number < len(rows) else None)
        for number, each in enumerate(rows, 1)
    }
    found, fetched = read(build_list(), pages)
    assert len(found) == len(set(found))
    assert set(found) <= {row for each in rows for row in each}
    assert len(fetched) <= len(rows)
