"""The events of another stream, with something to do at its end: a flow that goes on, a turn that ends, a shadow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from unichat.adapter import EventSource
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.execution.stream_failures import closed_stream_error
from unichat.models import Answer, StreamEvent

T = TypeVar("T")


class StreamRelay(ABC, Generic[T]):
    """Relays the events of a source. A subclass says what follows its end, and what if it is left before.

    What is done at the end takes a program, so a source that breaks while its events are taken breaks in `more`.

    Args:
        source: the stream that is relayed. A subclass sets its own attributes before it passes it on.
    """

    _over = True
    """Whether the end was dealt with. Of the class, too: an interrupt can keep a stream from being made."""

    def __init__(self, source: EventSource[Any]) -> None:
        self._source = source
        self._failure: UnichatError | None = None
        self._result: Any = None
        self._left = False
        self._over = False

    def __del__(self) -> None:
        # One that was forgotten rather than closed.
        if not (self._over or self._left):
            self._forget()

    @abstractmethod
    def _end(self, failure: UnichatError | None) -> Program[bool]:
        """Deal with the source's end, and set `_over`; return whether more has come nonetheless.

        Args:
            failure: why it broke, to be raised again; None if it did not, and its result is `_result`.
        """

    def _note_reader(self) -> None:
        """Note who waits for more."""

    def _leave(self) -> None:
        """Deal with a reader who has closed the stream before its end."""

    def _forget(self) -> None:
        """Do the same from any thread, in the middle of anything: for the garbage collector."""

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        if self._over or self._failure is not None:
            return None
        try:
            return self._source.ready()
        except UnichatError as error:
            self._failure = error
            return None

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end, once that was dealt with.

        Raises:
            UnichatError: the stream broke, or was closed.
        """
        if self._over:
            return False
        self._note_reader()
        failure, self._failure = self._failure, None
        if failure is None:
            try:
                if (yield from self._source.more()):
                    return True
                self._result = self._source.result()
            except UnichatError as error:
                failure = error
        if self._left:
            # Meanwhile, from another thread or task: what has come must not pass for the whole.
            raise closed_stream_error()
        return (yield from self._end(failure))

    def result(self) -> T:
        """Return the result, once all events have come."""
        result: T = self._result
        return result

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come."""
        return self._source.partial()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._source.records

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Give the stream up. Closing twice is fine."""
        leaves = not (self._over or self._left)
        if leaves:
            # First, so that a thread that reads, and comes back now, leaves the end alone.
            self._left = True
        try:
            self._source.close(interrupted_by)
        finally:
            if leaves:
                self._leave()
