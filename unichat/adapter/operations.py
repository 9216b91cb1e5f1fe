"""Operations: HTTP calls as values, which a client runs.

An adapter does no I/O. It returns an `Operation`: the request to send, how to read the answer, and what may be done
when it fails. A neutral call that takes several is a `Flow`: a generator that yields operations and is sent their
results.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable
from typing import Any, Generic, Literal, TypeVar

from attrs import evolve, field, frozen
from attrs.validators import instance_of

from unichat.adapter.fields import call_field, raw_field
from unichat.adapter.messages import ErrorResponse, Reply, Request
from unichat.adapter.streaming import MappedDecoder, StreamDecoder
from unichat.record import CallRecord

T = TypeVar("T")
R = TypeVar("R")

PageOrder = Literal["newest_first", "oldest_first"] | None


class Replay(enum.Enum):
    """The replay class of an operation: what sending it twice would do. The HTTP method does not decide it."""

    READ = "read"
    """Reads only: harmless."""
    UPSERT = "upsert"
    """Writes the same again: harmless."""
    CLEAR = "clear"
    """Removes what is removed already: harmless unless something is added in between."""
    ASK = "ask"
    """Asks the question twice: costs tokens twice, and leaves the question in the thread twice."""
    INSERT = "insert"
    """Adds a second row."""


@frozen(kw_only=True)
class Operation(Generic[T]):
    """One HTTP call as a value.

    Attributes:
        name: what the vendor's reference calls it, in snake case.
        parse: returns the result of a good reply. Raises `InvalidResponse`.
        detect_error: returns the error that a reply reports, or None for a good reply.
        signed: whether the request carries the credential.
    """

    backend: str
    name: str
    replay: Replay = field(validator=instance_of(Replay))
    request: Request = field(validator=instance_of(Request))
    detect_error: Callable[[Reply], ErrorResponse | None] = field(repr=False)
    parse: Callable[[Reply], T] = field(repr=False)
    signed: bool = True

    def map(self, function: Callable[[T], R]) -> Operation[R]:
        """Return the same operation with `function` applied to its result."""
        parse = self.parse
        # Not evolve(): its type would not change with the result's.
        return Operation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self.request,
            detect_error=self.detect_error,
            parse=lambda reply: function(parse(reply)),
            signed=self.signed,
        )

    def default_if_not_found(self, result: T, *, route_exists: bool = False) -> Operation[T]:
        """Return the same operation with `result` as its result if the vendor says "not found".

        Args:
            route_exists: whether the route has answered before. Until then, a 404 of the route itself is an error.
        """
        detect_error, parse = self.detect_error, self.parse

        def is_missing(reply: Reply) -> bool:
            problem = detect_error(reply)
            return problem is not None and problem.status == 404 and (route_exists or problem.what != "route")

        return evolve(
            self,
            detect_error=lambda reply: None if is_missing(reply) else detect_error(reply),
            parse=lambda reply: result if is_missing(reply) else parse(reply),
        )


@frozen(kw_only=True)
class StreamOperation(Generic[T]):
    """One HTTP call whose answer is streamed: like `Operation`, with a decoder instead of `parse`.

    Attributes:
        decoder: makes the decoder; its argument is the maximum size of a record, in bytes.
    """

    backend: str
    name: str
    replay: Replay = field(validator=instance_of(Replay))
    request: Request = field(validator=instance_of(Request))
    detect_error: Callable[[Reply], ErrorResponse | None] = field(repr=False)
    decoder: Callable[[int], StreamDecoder[T]] = field(repr=False)
    signed: bool = True

    def map(self, function: Callable[[T], R]) -> StreamOperation[R]:
        """Return the same operation with `function` applied to its result, once the stream has ended."""
        decoder = self.decoder
        # Not evolve(): its type would not change with the result's.
        return StreamOperation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self.request,
            detect_error=self.detect_error,
            decoder=lambda record_limit: MappedDecoder(decoder(record_limit), function),
            signed=self.signed,
        )


@frozen
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: the rows, as models.
        next: the operation that fetches the page after it; None at the end.
    """

    items: tuple[T, ...]
    next: Operation[Page[T]] | None = field(default=None, repr=False)
    raw: Any = raw_field()
    call: CallRecord | None = call_field()


@frozen
class Paged(Generic[T]):
    """A list in pages: the first page, or the operation that fetches it; each page knows the next.

    Reading continues until a page has no next one, even past pages without items. It ends early where the vendor
    repeats itself: at a page without items that leads to a request that was made already, or at the second page in a
    row whose items are all known.

    Attributes:
        first: fetches the first page; or that page itself, if it has been fetched already.
        key: returns an item's identity, so that an item that moved to another page is returned once.
        keep: says whether an item was requested, if the vendor cannot filter; None keeps all.
    """

    first: Operation[Page[T]] | Page[T] = field(validator=instance_of((Operation, Page)))
    key: Callable[[T], Hashable | None] = field(repr=False)
    keep: Callable[[T], bool] | None = field(default=None, repr=False)
    order: PageOrder = field(default=None, kw_only=True)
    """The order within each page, if the pages are to be reversed: see `oldest_first`."""
    outer: Paged[Any] | None = field(default=None, kw_only=True, repr=False)
    """The list whose items this one's lists come from: see `flat_map`."""
    inner: Callable[[Any], Paged[T]] | None = field(default=None, kw_only=True, repr=False)

    @classmethod
    def empty(cls) -> Paged[Any]:
        """Return a list without items."""
        return cls(Page(()), lambda _: None)

    def flat_map(self, function: Callable[[T], Paged[R]]) -> Paged[R]:
        """Return the items of the list that `function` returns for each item, list by list.

        For example the messages of each conversation. Each list is fetched when the one before it has been read, so
        memory holds one page of each level. All pages count towards `page_limit`.
        """
        return evolve(Paged[R].empty(), outer=self, inner=function)


def oldest_first(
    paged: Paged[T], *, within_pages: Literal["newest_first", "oldest_first"] = "newest_first"
) -> Paged[T]:
    """Return a list oldest first, though its vendor only returns its pages newest first.

    This has a price, since the oldest page comes last: the whole list is read before its first item is returned, and
    held in memory, whatever the caller's `limit`. Each page has a deadline of its own, and counts towards `page_limit`:
    a long list takes many deadlines, or ends in an error instead of its items. Where the vendor can sort, ask it to.

    Args:
        within_pages: the order of the items of one page; with `"oldest_first"` only the pages are reversed.
    """
    return evolve(paged, order=within_pages)
