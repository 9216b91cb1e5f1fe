"""Answers in pieces, as a caller reads them: asked for once, read by one at a time, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from unichat.adapter import EventSource
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.live_stream import closed_stream
from unichat.models import Answer, StreamEvent

T = TypeVar("T")


class SingleEventStream:
    """An answer of a backend without streaming, as a stream of one event; sync or async."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._events = iter([StreamEvent(type="text", text=answer.text, sources=answer.sources, raw=answer.raw)])

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def ready(self) -> StreamEvent | None:
        """Return the event, once."""
        return next(self._events, None)

    def check_home(self) -> None:
        """Do nothing: it belongs to no event loop."""

    async def more(self) -> bool:
        """Return False: the answer is here."""
        return False

    def result(self) -> Answer:
        """Return the answer."""
        return self._answer

    @property
    def records(self) -> list[Any]:
        """The one answer's JSON."""
        return [self._answer.raw]

    def close(self, gave_up: BaseException | None = None) -> None:
        """Do nothing: the answer is here."""


class _Closes(Protocol):
    def close(self, gave_up: BaseException | None = None) -> None: ...


S = TypeVar("S", bound=_Closes)


class SingleConsumerStream(Generic[S]):
    """What keeps an answer in pieces honest: it is asked for once, read by one at a time, and no part passes for it."""

    def __init__(self) -> None:
        self._source: S | None = None
        self._live: S | None = None
        """The source, while it may be read from."""
        self._begun = False
        self._reading = False
        self._ended = False
        self._closed = False
        self._error: UnichatError | None = None

    def _known(self) -> S | None:
        """Return the source, or None if it is to be opened now."""
        if self._error is not None:
            # A part of an answer must never pass for the whole.
            raise self._error
        if self._closed or (self._begun and self._source is None):
            # A question that failed is not asked a second time by the next look at the stream.
            raise closed_stream()
        self._begun = True
        return self._source

    def _opened(self, source: S) -> S:
        self._source = self._live = source
        if self._closed:
            # Meanwhile, by another.
            self._give_up()
            raise closed_stream()
        return source

    def _begin_reading(self) -> None:
        if self._reading:
            raise InvalidInput(
                "somebody else is reading this stream", hint="Let one read it, and hand on what others need."
            )
        self._reading = True

    def _failed(self, error: BaseException) -> None:
        """Note what ended the reading: nobody may take up what is left, and take it for the whole."""
        if isinstance(error, UnichatError):
            self._error, self._live = error, None
        else:
            # Interrupted, or cancelled.
            self._give_up(error)

    def _left(self, error: BaseException | None) -> None:
        """Note that its block was left, perhaps by an error: one that is no `Exception` gives everything up."""
        self._give_up(None if isinstance(error, Exception) else error)

    def _give_up(self, error: BaseException | None = None) -> None:
        self._closed, self._live = True, None
        if self._source is not None:
            self._source.close(error)


class AnswerStream(SingleConsumerStream[EventSource[T]]):
    """An answer in pieces: a context manager that gives each `StreamEvent` once, and has `.answer` at the end.

    The question is sent when the block is entered, or with the first event. Leaving the block early gives the
    connection up; the vendor may still count the question as asked.
    """

    def __init__(self, start: Callable[[], EventSource[T]], finish: Callable[[T], T]) -> None:
        super().__init__()
        self._start = start
        self._finish = finish

    def __enter__(self) -> Self:
        self._running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left(error)

    def _running(self) -> EventSource[T]:
        return self._known() or self._opened(self._start())

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        if self._ended:
            raise StopIteration
        self._begin_reading()
        try:
            return next(self._live or self._running())
        except StopIteration:
            self._ended = True
            self._give_up()
            raise
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self._reading = False

    def _drained(self) -> EventSource[T]:
        for _ in self:
            pass
        assert self._source is not None
        return self._source

    @property
    def answer(self) -> T:
        """The whole answer; reads what has not come yet.

        Raises:
            InvalidInput: the block was left before the end.
            StreamInterrupted: it breaks on the way.
        """
        return self._finish(self._drained().result())

    @property
    def raw(self) -> list[Any]:
        """The vendor's records, all of them; reads what has not come yet. Raises as `answer` does."""
        return self._drained().records

    def close(self) -> None:
        """Give the connection up. Closing twice is fine."""
        self._give_up()
