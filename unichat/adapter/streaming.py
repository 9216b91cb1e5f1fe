"""Streams: how an adapter decodes an answer that comes in pieces."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Protocol, TypeVar

from unichat.models import StreamEvent

T_co = TypeVar("T_co", covariant=True)


class StreamFailure(Exception):
    """Raised by a decoder that cannot go on. The core turns it into one of unichat's errors; callers never see it.

    Attributes:
        kind: `vendor` (the vendor reports a failure within the stream), `record` (one that cannot be read), or
            `too_large`.
        reason: what is wrong, in words.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


class StreamDecoder(Protocol[T_co]):
    """Decodes a stream: bytes in, events out, wherever the bytes are cut."""

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
        """Return the result of the events so far."""
        ...

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far, decoded."""
        ...


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

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        ...

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Close it before its end; `interrupted_by` is why its consumer stopped, if that is not an `Exception`."""
        ...
