"""A streamed answer of a shadow's primary, at whose end the other side is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unichat.adapter import EventSource
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.models import Answer, StreamEvent

End = Callable[[Answer | None, UnichatError | None], Program[None]]
"""Takes what the primary said, or why it failed."""


class ShadowedStream:
    """The primary's events.

    Args:
        source: the primary's stream.
        finish: makes of its result what the caller gets.
        end: is run at the end of the stream.
        leave: is called if the stream is left before.
    """

    def __init__(
        self, source: EventSource[Answer], finish: Callable[[Answer], Answer], end: End, leave: Callable[[], None]
    ) -> None:
        self._source = source
        self._finish = finish
        self._end = end
        self._leave = leave
        self._failure: UnichatError | None = None
        self._over = False

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        if self._over or self._failure is not None:
            return None
        try:
            return self._source.ready()
        except UnichatError as error:
            # For `more`: to ask the other side takes a program.
            self._failure = error
            return None

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end.

        Raises:
            UnichatError: the stream broke.
        """
        if self._over:
            return False
        failure = self._failure
        if failure is None:
            try:
                if (yield from self._source.more()):
                    return True
                answer = self._finish(self._source.result())
            except UnichatError as error:
                failure = error
        if self._over:
            # Closed meanwhile, from another thread or task.
            return False
        self._over = True
        if failure is not None:
            yield from self._end(None, failure)
            raise failure
        yield from self._end(answer, None)
        return False

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
        if not self._over:
            self._over = True
            self._leave()
        self._source.close(interrupted_by)
