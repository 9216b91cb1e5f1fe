"""A route's streams: those of the member that answers, which tell of the members that were asked before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from unichat.adapter import EventSource
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.models import Answer, StreamEvent
from unichat.record import CallRecord

Finish = Callable[[Answer], Answer]


@frozen(eq=False)
class OpenedStream:
    """A member's stream, and what makes of its result what the caller gets."""

    source: EventSource[Answer]
    finish: Finish


class FallbackStream:
    """A member's stream, after others had failed: if it breaks, the error has the attempts of all members.

    Args:
        source: the member's.
        add: returns the record of the member's call with the attempts of all.
    """

    def __init__(self, source: EventSource[Answer], add: Callable[[CallRecord], CallRecord]) -> None:
        self._source = source
        self._add = add

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        try:
            return self._source.ready()
        except UnichatError as error:
            self._complete(error)
            raise

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end."""
        try:
            return (yield from self._source.more())
        except UnichatError as error:
            self._complete(error)
            raise

    def _complete(self, error: UnichatError) -> None:
        if error.call is not None:
            error.call = self._add(error.call)

    def result(self) -> Answer:
        """Return the answer, once all events have come."""
        return self._source.result()

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come."""
        return self._source.partial()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._source.records

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Give the stream up. Closing twice is fine."""
        self._source.close(interrupted_by)
