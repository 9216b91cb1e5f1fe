"""Lists in pages, read so that each row is given once and the reading ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from unichat._text.templates import Argument, Template
from unichat.adapter import Operation, Page, Paged
from unichat.errors import InvalidResponse

T = TypeVar("T")

_REMEMBERED_ROWS = 10_000
"""At least so many, and at most twice as many."""


class Paging(Generic[T]):
    """A list in pages, read so that each row is given once and the reading ends."""

    def __init__(self, paged: Paged[T], limit: int) -> None:
        self.operation: Operation[Page[T]] | None = paged.first
        self._paged = paged
        self._limit = limit
        self._pages = 0
        # Bounded, so that memory stays flat: a row moves to a page near by, if any.
        self._seen: set[object] = set()
        self._seen_before: set[object] = set()
        self._last: tuple[T, ...] = ()
        self._stale = 0

    def rows(self, page: Page[T]) -> Iterator[T]:
        """Return the rows of one page that the page before did not have; `operation` is then the next to run.

        Raises:
            InvalidResponse: this was the last page allowed, and more would follow.
        """
        fresh = [] if page.items == self._last else [item for item in page.items if self._is_new(item)]
        self._last = page.items
        # One page of known rows may be rows that new ones pushed along; two in a row are a vendor that ignores the
        # page number, and would for ever.
        self._stale = 0 if fresh else self._stale + 1
        self.operation = page.next if page.items and self._stale < 2 else None
        self._pages += 1
        keep = self._paged.keep
        yield from fresh if keep is None else filter(keep, fresh)
        if self.operation is not None and self._pages >= self._limit:
            raise InvalidResponse(
                f"the history did not end after {self._limit:,} pages",
                hint=Template("Pass ", Argument("limit"), Template(", or a larger ", Argument("page_size")), "."),
                backend=self._paged.first.backend,
                operation="history",
            )

    def _is_new(self, item: T) -> bool:
        key = self._paged.key(item)
        if key is None:
            return True
        known = key in self._seen or key in self._seen_before
        self._seen.add(key)
        if len(self._seen) == _REMEMBERED_ROWS:
            self._seen_before, self._seen = self._seen, set()
        return not known
