"""Streams: what an adapter gives for an answer that comes in pieces, and what it is given when one is open."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, Protocol, TypeVar

from unichat.adapter.messages import ErrorResponse
from unichat.models import Answer, StreamEvent

T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class StreamFailure(Exception):
    """Raised by a decoder that cannot go on. The core turns it into one of unichat's errors; callers never see it.

    `StreamFailure(ErrorResponse(status=400, message="…"))` is the vendor's report of a failure with a status: it is
    judged as the same status of a whole answer is, so that a 400 is not tried again and a 429 is.
    `StreamFailure("vendor", "…")` is a report without one, which counts as a failure of the vendor's server.

    Attributes:
        kind: `vendor` (the vendor reports a failure within the stream), `record` (one that cannot be read), or
            `too_large`.
        reason: what is wrong, in words.
        response: the vendor's report, if it has a status.
    """

    def __init__(self, kind: str | ErrorResponse, reason: str = "") -> None:
        super().__init__(kind, reason)
        self.response = kind if isinstance(kind, ErrorResponse) else None
        self.kind = "vendor" if isinstance(kind, ErrorResponse) else kind
        self.reason = kind.message if isinstance(kind, ErrorResponse) else reason


class StreamDecoder(Protocol[T_co]):
    """Decodes a stream: bytes in, events out, wherever the bytes are cut.

    Derive from `ServerSentEvents`, `JsonLines` or `DelimitedJson` for a vendor that sends one of these. They also have
    what a decoder may have besides: `ended`, `signs_of_life`, `flush` and `partial`; see `RecordDecoder`.
    """

    @property
    def complete(self) -> bool:
        """Whether everything that the vendor promises has come, so that an idle stream may count as ended."""
        ...

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Yield the events that `data` completes.

        Raises:
            StreamFailure: a record cannot be read, is too long, or is the vendor's own report of a failure.
        """
        ...

    def end(self) -> str | None:
        """Return why the stream may not end here, or None if it may: called when the body ended properly."""
        ...

    def result(self) -> T_co:
        """Return the result of the events so far: an `Answer`, or anything else that the adapter makes one of."""
        ...

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far, decoded."""
        ...


class MappedDecoder(Generic[R]):
    """A decoder with a function applied to its result."""

    def __init__(self, decoder: StreamDecoder[Any], function: Callable[[Any], R]) -> None:
        self._decoder = decoder
        self._function = function
        # Bound once: it is called with each piece.
        self.feed = decoder.feed

    @property
    def complete(self) -> bool:
        """As the decoder says."""
        return self._decoder.complete

    def end(self) -> str | None:
        """As the decoder says."""
        return self._decoder.end()

    def result(self) -> R:
        """Return what the function makes of the result."""
        return self._function(self._decoder.result())

    def partial(self) -> Any:
        """Return the decoder's own: the function may need the whole."""
        return getattr(self._decoder, "partial", self._decoder.result)()

    @property
    def records(self) -> list[Any]:
        """As the decoder says."""
        return self._decoder.records

    def __getattr__(self, name: str) -> Any:
        # What only some decoders have.
        return getattr(self._decoder, name)


class EventSource(Protocol[T_co]):
    """A stream that is open: an iterator of its events that also has their result."""

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        ...

    def more(self) -> Generator[Any, Any, bool]:
        """Wait until more has come; False at the end. A program, which the client runs."""
        ...

    def result(self) -> T_co:
        """Return the result, once all events have come."""
        ...

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come; None if nothing has, or if the result is no `Answer`."""
        ...

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        ...

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Close it before its end; `interrupted_by` is why its consumer stopped, if that is not an `Exception`."""
        ...
