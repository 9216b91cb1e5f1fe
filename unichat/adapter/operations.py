"""Operations: HTTP calls as values, which a driver runs.

An adapter does no I/O. It returns an `Operation`: the request to send, how to read the answer, and what may be done
when it fails. A neutral call that takes several is a `Flow`: a generator that yields operations and is sent their
results.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from attrs import evolve, field, frozen

from unichat.adapter.messages import ErrorResponse, Reply, Request
from unichat.adapter.streaming import StreamDecoder

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


class Replay(enum.Enum):
    """The replay class of an operation: what a second sending would do. The HTTP method does not decide it."""

    READ = "read"
    """Reads only: harmless."""
    UPSERT = "upsert"
    """Writes the same again: harmless."""
    CLEAR = "clear"
    """Removes what is removed already: harmless unless something is added in between."""
    ASK = "ask"
    """Asks the question twice: costs tokens twice, and leaves one question too many in the thread."""
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
    replay: Replay
    request: Request
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
    """One HTTP call whose answer comes in pieces: like `Operation`, with a decoder instead of `parse`.

    Attributes:
        decoder: makes the decoder; its argument is how many bytes a record may have.
    """

    backend: str
    name: str
    replay: Replay
    request: Request
    detect_error: Callable[[Reply], ErrorResponse | None] = field(repr=False)
    decoder: Callable[[int], StreamDecoder[T]] = field(repr=False)
    signed: bool = True


@frozen
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: the rows, as models.
        next: the operation that fetches the page after it; None at the end.
    """

    items: tuple[T, ...]
    next: Operation[Page[T]] | None = field(default=None, repr=False)
    raw: Any = field(factory=dict, eq=False, repr=False, kw_only=True)


@frozen
class Paged(Generic[T]):
    """A list in pages: the first operation; each page knows the next.

    Attributes:
        first: fetches the first page.
        key: returns an item's identity, so that an item that moved to another page is returned once.
        keep: says whether an item was asked for, if the vendor cannot filter; None keeps all.
    """

    first: Operation[Page[T]]
    key: Callable[[T], Hashable | None] = field(repr=False)
    keep: Callable[[T], bool] | None = field(default=None, repr=False)
