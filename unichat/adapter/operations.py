"""Operations: HTTP calls as values, which a driver runs.

An adapter does no I/O. It returns an `Operation`: the request to send, how to read the answer, and what may be done
when it fails. A neutral call that takes several is a `Flow`: a generator that yields operations and is sent their
results.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from attrs import define, evolve, field, frozen

from unichat._text.decoding import decode_json, excerpt
from unichat._text.encoding import encodable
from unichat._text.printable import quoted
from unichat.adapter.streaming import StreamDecoder
from unichat.errors import InvalidResponse

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


class Replay(enum.Enum):
    """What sending an operation a second time would do. It belongs to the operation, not to its HTTP method."""

    READ = "read"
    """Reads only: harmless."""
    UPSERT = "upsert"
    """Writes the same again: harmless."""
    CLEAR = "clear"
    """Removes what is removed already: harmless while nothing slips in between."""
    ASK = "ask"
    """Asks the question twice: tokens spent twice, and a thread with a question too many."""
    INSERT = "insert"
    """Makes a second row."""


@frozen
class Request:
    """The HTTP request of an operation.

    Attributes:
        method: `GET` or `POST`.
        path: from the root, every segment percent-encoded.
        query: pairs in order, not yet encoded; a name may repeat.
        body: encoded once, so that every attempt sends the same bytes; None for no body.
        content_type: of the body.
    """

    method: str
    path: str = field()
    query: tuple[tuple[str, str], ...] = field(default=())
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"

    @query.validator
    def _can_be_encoded(self, _: object, query: tuple[tuple[str, str], ...]) -> None:
        for name, value in query:
            encodable(name, value)

    @path.validator
    def _stays_with_the_host(self, _: object, path: str) -> None:
        # The driver puts the address before it: without the slash, "@evil.example/" would become the host.
        if not path.startswith("/"):
            raise ValueError(f"a path begins with a slash, unlike {path!r}")

    @property
    def target(self) -> str:
        """The path with the encoded query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@define
class Reply:
    """A whole HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    _decoded: list[Any] = field(factory=list, init=False, repr=False, eq=False)

    def json(self) -> Any:
        """Return the body's JSON, decoded once: an envelope is examined before it is parsed.

        Raises:
            InvalidResponse: the body is empty, not labelled as JSON, or not strictly JSON.
        """
        if not self._decoded:
            self._decoded.append(self._decode())
        return self._decoded[0]

    def _decode(self) -> Any:
        if not self.body:
            raise InvalidResponse("the answer's body is empty", kind="json")
        if not self.is_json:
            label = self.headers.get("content-type", "")
            raise InvalidResponse(
                f"the answer is labelled {quoted(label)} instead of application/json",
                hint="A proxy or a sign-in page may stand between; check base_url and the network.",
                kind="content_type",
                excerpt=excerpt(self.body),
            )
        return decode_json(self.body)

    @property
    def plain_text(self) -> str:
        """The words of a body that is labelled as plain text, trimmed; proxies and frameworks refuse in such."""
        label = self.headers.get("content-type", "").lower()
        return excerpt(self.body) if label.startswith("text/plain") else ""

    @property
    def is_json(self) -> bool:
        """Whether the answer is labelled as JSON."""
        label = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return label == "application/json" or (label.startswith("application/") and label.endswith("+json"))


@frozen(kw_only=True)
class ErrorResponse:
    """A vendor's refusal, as its adapter reads it.

    Attributes:
        status: the envelope's where there is one, otherwise HTTP's.
        means: the status that it stands for, where the vendor's own is misleading.
        message: the vendor's own words.
        code: the vendor's own code for it, such as `not_authenticated`.
        argument: for an invalid request: the field that the vendor names, such as `query.message`.
        what: for a 404: `bot`, `project`, `thread`, `answer` or `route`.
        envelope_status: the status in the body, if the vendor puts one there.
        http_status: HTTP's own, where `status` is the envelope's.
        hint: what to do, where the adapter knows better than the status tells.
    """

    status: int
    means: int | None = None
    message: str = ""
    code: str | None = None
    argument: str | None = None
    what: str | None = None
    envelope_status: int | None = None
    http_status: int | None = None
    hint: str = ""


@frozen(kw_only=True)
class Operation(Generic[T]):
    """One HTTP call as a value.

    Attributes:
        name: what the vendor's reference calls it, in snake case.
        parse: makes the result of a good reply. Raises `InvalidResponse`.
        detect_error: returns the refusal that a reply holds, or None for a good one.
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
        """Return the same call with `function` applied to its result."""
        parse = self.parse
        # Not evolve(): it cannot say that the type of the result changes.
        return Operation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self.request,
            detect_error=self.detect_error,
            parse=lambda reply: function(parse(reply)),
            signed=self.signed,
        )

    def missing_as(self, result: T, *, route_is_known: bool = False) -> Operation[T]:
        """Return the same call with "not found" taken as `result`.

        Args:
            route_is_known: whether the route answered before. Unless it did, one that does not exist is an error.
        """
        detect_error, parse = self.detect_error, self.parse

        def is_missing(reply: Reply) -> bool:
            problem = detect_error(reply)
            return problem is not None and problem.status == 404 and (route_is_known or problem.what != "route")

        return evolve(
            self,
            detect_error=lambda reply: None if is_missing(reply) else detect_error(reply),
            parse=lambda reply: result if is_missing(reply) else parse(reply),
        )


@frozen(kw_only=True)
class StreamOperation(Generic[T]):
    """One HTTP call whose answer comes in pieces. As `Operation`, with a decoder instead of `parse`.

    Attributes:
        decoder: makes the decoder; told how many bytes a record may have.
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
        items: what it holds.
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
        key: an item's identity, so that one that moved between pages is given once.
        keep: whether an item is one of those asked for, where the vendor cannot pick them itself; None for all.
    """

    first: Operation[Page[T]]
    key: Callable[[T], Hashable | None] = field(repr=False)
    keep: Callable[[T], bool] | None = field(default=None, repr=False)
