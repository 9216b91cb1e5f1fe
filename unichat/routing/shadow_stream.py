"""A streamed answer of a shadow's primary, at whose end the other side is asked."""

from __future__ import annotations

from collections.abc import Callable

from unichat.adapter import EventSource
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.execution.stream_relay import StreamRelay
from unichat.models import Answer

End = Callable[[Answer | None, UnichatError | None], Program[None]]
"""Takes what the primary said, or why it failed."""


class ShadowedStream(StreamRelay[Answer]):
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
        self._finish = finish
        self._follow = end
        self._leave_out = leave
        super().__init__(source)

    def _end(self, failure: UnichatError | None) -> Program[bool]:
        self._over = True
        if failure is not None:
            yield from self._follow(None, failure)
            raise failure
        yield from self._follow(self._finish(self._result), None)
        return False

    def _leave(self) -> None:
        self._leave_out()

    def _forget(self) -> None:
        self._leave_out()
