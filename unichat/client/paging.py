"""Reads paged lists, so that each row is returned once and the reading ends."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from functools import partial
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from unichat._text.templates import Argument, Template
from unichat.adapter import Flow, Operation, Page, Paged
from unichat.client.adapter_calls import call_in, wrong_result
from unichat.errors import InvalidResponse
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Program
from unichat.execution.program import complete, run

T = TypeVar("T")

_REMEMBERED_ROWS = 10_000
"""At least this many are remembered, and at most twice as many."""


class RowReader(Protocol[T]):
    """Reads the rows of a list, some at a time."""

    def read_page(self) -> Program[list[T] | None]:
        """Return the next rows, perhaps none; None after the last ones."""
        ...


class PagedReader(Generic[T]):
    """Reads a list, a page for each `read_page`. Each page has a deadline of its own.

    Args:
        flow: prepares the list; run with the first page.
        begin_call: begins a call, with its deadline.
        limit: rows in all; None for all of them.
        page_limit: maximum number of pages.
    """

    def __init__(
        self,
        flow: Flow[Paged[T]],
        begin_call: Callable[[bool], Call],
        context: Context,
        *,
        limit: int | None,
        page_limit: int,
    ) -> None:
        self._flow: Flow[Paged[T]] | None = flow
        self._begin_call = begin_call
        self._context = context
        self._remaining = limit
        self._page_limit = page_limit
        self._paging: Paging[T] | None = None
        self._call: Call
        """The one that sent last."""

    def read_page(self) -> Program[list[T] | None]:
        """Return the next page's rows, perhaps none; None after the last page.

        Raises:
            InvalidResponse: more pages would follow than are allowed.
            UnichatError: a page could not be fetched. The reading has then ended.
        """
        if self._remaining == 0:
            return None
        if self._flow is not None:
            flow, self._flow = self._flow, None
            self._call = self._begin_call(True)
            paged = yield from complete(flow, self._call, self._context)
            if not isinstance(paged, Paged):
                found, paged = type(paged).__name__, None
                raise wrong_result(found, self._call, self._context)
            self._paging = Paging(paged, self._page_limit)
        paging = self._paging
        if paging is None:
            return None
        # Until the page has arrived: the next call does not request again what failed once.
        self._paging = None
        while not isinstance(step := call_in(self._call, self._context, paging.next_step), list):
            if step is None:
                return None
            self._call = self._begin_call(False)
            page = yield from run(step, self._call, self._context)
            call_in(self._call, self._context, partial(paging.take_page, page))
        self._paging = paging
        rows = step
        if self._remaining is not None:
            rows = list(islice(rows, self._remaining))
            self._remaining -= len(rows)
        return rows


class Paging(Generic[T]):
    """Which page is next, over all levels of a list, and which of its rows are new. No I/O."""

    def __init__(self, paged: Paged[T], limit: int) -> None:
        self._steps = read_list(paged)
        self._limit = limit
        self._pages = 0
        self._page: Page[Any] | None = None

    def next_step(self) -> Operation[Page[Any]] | list[T] | None:
        """Return rows, or the operation that fetches the next page (`take_page` must follow), or None at the end.

        Raises:
            InvalidResponse: as many pages as are allowed were read, and more would follow.
        """
        page, self._page = self._page, None
        step = _advance(self._steps, page)
        if isinstance(step, Operation) and self._pages >= self._limit:
            raise InvalidResponse(
                f"the history did not end after {self._limit:,} pages",
                hint=Template("Pass ", Argument("limit"), Template(", or a larger ", Argument("page_size")), "."),
                backend=step.backend,
                operation="history",
            )
        return step

    def take_page(self, page: Page[Any]) -> None:
        """Take the page that the last step fetches."""
        if not isinstance(page, Page):
            raise TypeError(f"a page is {type(page).__name__}")
        self._page = page
        self._pages += 1


Steps = Generator[Operation[Page[Any]] | list[T], Page[Any] | None, None]
"""The reading of a list: yields an operation, and is sent its page; or yields rows, and is sent None."""


def _advance(steps: Steps[T], page: Page[Any] | None) -> Operation[Page[Any]] | list[T] | None:
    try:
        return steps.send(page)
    except StopIteration:
        return None


def read_list(paged: Paged[T]) -> Steps[T]:
    """Read a list, and each list within it, as far as its reader requests."""
    forwards: Steps[T]
    if paged.outer is not None and paged.inner is not None:
        forwards = _read_nested(paged.outer, paged.inner)
        if paged.keep is not None:
            forwards = _filter_rows(forwards, paged.keep)
    else:
        forwards = _read_pages(paged)
    if paged.order is None:
        yield from forwards
        return
    gathered: list[list[T]] = []
    page: Page[Any] | None = None
    while (step := _advance(forwards, page)) is not None:
        page = None
        if isinstance(step, list):
            gathered.append(step)
        else:
            page = yield step
    for rows in reversed(gathered):
        yield rows[::-1] if paged.order == "newest_first" else rows


def _read_nested(outer: Paged[Any], inner: Callable[[Any], Paged[T]]) -> Steps[T]:
    items = read_list(outer)
    page: Page[Any] | None = None
    while (step := _advance(items, page)) is not None:
        page = None
        if isinstance(step, list):
            for item in step:
                yield from read_list(inner(item))
        else:
            page = yield step


def _filter_rows(steps: Steps[T], keep: Callable[[T], bool]) -> Steps[T]:
    page: Page[Any] | None = None
    while (step := _advance(steps, page)) is not None:
        page = None
        if isinstance(step, list):
            yield [row for row in step if keep(row)]
        else:
            page = yield step


def _read_pages(paged: Paged[T]) -> Steps[T]:
    repetition = _Repetition(paged.key)
    step: Operation[Page[T]] | Page[T] | None = paged.first
    while step is not None:
        if isinstance(step, Page):
            page = step
        else:
            repetition.note_request(step)
            fetched = yield step
            assert fetched is not None
            page = fetched
        fresh = repetition.take_new(page)
        step = None if repetition.is_endless(page) else page.next
        yield fresh if paged.keep is None else [item for item in fresh if paged.keep(item)]


class _Repetition(Generic[T]):
    """Tells new rows from known ones, and a vendor that would repeat itself forever from one whose list continues."""

    def __init__(self, key: Callable[[T], Hashable | None]) -> None:
        self._key = key
        self._rows = _Recent()
        self._requests = _Recent()
        self._last: tuple[T, ...] = ()
        self._stale_in_a_row = 0

    def note_request(self, operation: Operation[Any]) -> None:
        """Remember a request that is made."""
        self._requests.add(operation.request)

    def take_new(self, page: Page[T]) -> list[T]:
        """Return those rows of a page that the pages before it did not have."""
        fresh = [] if page.items == self._last else [item for item in page.items if self._is_new(item)]
        if fresh:
            self._stale_in_a_row = 0
        elif page.items:
            self._stale_in_a_row += 1
        self._last = page.items or self._last
        return fresh

    def is_endless(self, page: Page[T]) -> bool:
        """Whether what follows `page`, the last one taken, would be the same again."""
        # One page of known rows may be rows that new ones pushed along; two in a row are a vendor that ignores the
        # page number, and would do so forever. Pages without rows say nothing, unless they lead back to an earlier one.
        if page.items:
            return self._stale_in_a_row >= 2
        return page.next is not None and page.next.request in self._requests

    def _is_new(self, item: T) -> bool:
        key = self._key(item)
        return key is None or self._rows.add(key)


class _Recent:
    """The last values added: bounded, so that memory stays flat. A row that moves goes to a nearby page."""

    def __init__(self) -> None:
        self._values: set[object] = set()
        self._before: set[object] = set()

    def __contains__(self, value: object) -> bool:
        return value in self._values or value in self._before

    def add(self, value: object) -> bool:
        """Add a value; return whether it is new."""
        known = value in self
        self._values.add(value)
        if len(self._values) == _REMEMBERED_ROWS:
            self._before, self._values = self._values, set()
        return not known
