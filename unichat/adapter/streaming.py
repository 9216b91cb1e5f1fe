"""Streaming: how an adapter decodes an answer that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from unichat.models import StreamEvent

T_co = TypeVar("T_co", covariant=True)


class StreamFailure(Exception):
    """Why a decoder cannot go on. A driver turns it into one of our errors; callers never see it.

    Attributes:
        kind: `vendor` (the vendor reports a failure within the stream), `record` (one that cannot be read), or
            `too_large`.
        reason: in words.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


class StreamDecoder(Protocol[T_co]):
    """Bytes in, events out, however the bytes are cut."""

    @property
    def complete(self) -> bool:
        """Whether all that the vendor promises has come, so that silence may count as the end."""
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
        """Return what the events so far amount to."""
        ...

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far, decoded."""
        ...


class EventSource(Protocol[T_co]):
    """A running stream: its events, once each, and what they amount to."""

    def __next__(self) -> StreamEvent:
        """Return the next event."""
        ...

    def result(self) -> T_co:
        """Return what the events amount to, once they have all come."""
        ...

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        ...

    def close(self, gave_up: BaseException | None = None) -> None:
        """Give up what has not come yet; `gave_up`: what made its reader do so, if it is no `Exception`."""
        ...
