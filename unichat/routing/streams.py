"""A route's streams: those of the member that answers, which tell of the members that were asked before it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from unichat.adapter import EventSource
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.execution.stream_relay import StreamRelay
from unichat.models import Answer
from unichat.record import CallRecord

Finish = Callable[[Answer], Answer]


@frozen(eq=False)
class OpenedStream:
    """A member's stream, and what makes of its result what the caller gets."""

    source: EventSource[Answer]
    finish: Finish


class FallbackStream(StreamRelay[Answer]):
    """A member's stream, after others had failed: if it breaks, the error has the attempts of all members.

    Args:
        source: the member's.
        add: returns the record of the member's call with the attempts of all.
    """

    def __init__(self, source: EventSource[Answer], add: Callable[[CallRecord], CallRecord]) -> None:
        self._add = add
        super().__init__(source)

    def _end(self, failure: UnichatError | None) -> Program[bool]:
        self._over = True
        if failure is not None:
            if failure.call is not None:
                failure.call = self._add(failure.call)
            raise failure
        return False
        yield
