"""Lists in pages, read so that each row is given once and the reading ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from unichat._text.templates import Argument, Template
from unichat.adapter import Flow, Operation, Page, Paged
from unichat.errors import InvalidResponse
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Program
from unichat.execution.program import complete, run

T = TypeVar("T")

_REMEMBERED_ROWS = 10_000
"""At least so many, and at most twice as many."""


class PagedReader(Generic[T]):
    """Reads a list, a page for each `read_page`. Each page has a deadline of its own.

    Args:
        flow: prepares the list; run with the first page.
        begin_call: begins a call, with its deadline.
        limit: rows in all; None for all of them.
        page_limit: pages at most.
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
            paged = yield from complete(flow, self._begin_call(True), self._context)
            self._paging = Paging(paged, self._page_limit)
        paging = self._paging
        if paging is None or (operation := paging.next_operation()) is None:
            return None
        # Until the page is here: what fails once is not asked again by the next look.
        self._paging = None
        page = yield from run(operation, self._begin_call(False), self._context)
        self._paging = paging
        rows = paging.take_page(page)
        if self._remaining is not None:
            rows = list(islice(rows, self._remaining))
            self._remaining -= len(rows)
        return rows


class Paging(Generic[T]):
    """Which page is next, and which of its rows are new. No I/O."""

    def __init__(self, paged: Paged[T], limit: int) -> None:
        self._operation: Operation[Page[T]] | None = paged.first
        self._paged = paged
        self._limit = limit
        self._pages = 0
        # Bounded, so that memory stays flat: a row moves to a page near by, if any.
        self._seen: set[object] = set()
        self._seen_before: set[object] = set()
        self._last: tuple[T, ...] = ()
        self._stale = 0

    def next_operation(self) -> Operation[Page[T]] | None:
        """Return what fetches the next page, or None at the end.

        Raises:
            InvalidResponse: as many pages as are allowed were read, and more would follow.
        """
        if self._operation is not None and self._pages >= self._limit:
            raise InvalidResponse(
                f"the history did not end after {self._limit:,} pages",
                hint=Template("Pass ", Argument("limit"), Template(", or a larger ", Argument("page_size")), "."),
                backend=self._paged.first.backend,
                operation="history",
            )
        return self._operation

    def take_page(self, page: Page[T]) -> list[T]:
        """Return those rows of a page that the pages before it did not have."""
        fresh = [] if page.items == self._last else [item for item in page.items if self._is_new(item)]
        self._last = page.items
        # One page of known rows may be rows that new ones pushed along; two in a row are a vendor that ignores the
        # page number, and would for ever.
        self._stale = 0 if fresh else self._stale + 1
        self._operation = page.next if page.items and self._stale < 2 else None
        self._pages += 1
        keep = self._paged.keep
        return fresh if keep is None else [item for item in fresh if keep(item)]

    def _is_new(self, item: T) -> bool:
        key = self._paged.key(item)
        if key is None:
            return True
        known = key in self._seen or key in self._seen_before
        self._seen.add(key)
        if len(self._seen) == _REMEMBERED_ROWS:
            self._seen_before, self._seen = self._seen, set()
        return not known
