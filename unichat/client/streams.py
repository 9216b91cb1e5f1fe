"""Streamed answers, as a caller reads them: requested once, read by one consumer, and complete or not at all."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unichat.adapter import EventSource
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.stream_failures import closed_stream_error
from unichat.models import Answer, StreamEvent
from unichat.record import CallRecord

T = TypeVar("T")


class SingleEventStream:
    """An answer of a backend without streaming, as a stream of one event."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._events = iter([StreamEvent(type="text", text=answer.text, sources=answer.sources, raw=answer.raw)])

    def ready(self) -> StreamEvent | None:
        """Return the event, once."""
        return next(self._events, None)

    def more(self) -> Generator[Any, Any, bool]:
        """Return False: the answer is here."""
        return False
        yield

    def result(self) -> Answer:
        """Return the answer."""
        return self._answer

    def partial(self) -> Answer:
        """Return the answer: it has come as a whole."""
        return self._answer

    @property
    def records(self) -> list[Any]:
        """The one answer's JSON."""
        return [self._answer.raw]

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Do nothing: the answer is here."""


class SingleConsumerStream(Generic[T]):
    """The guarantees of a streamed answer: it is requested once, has one consumer, and no part passes for the whole.

    Args:
        finish: turns the result of the events into what the caller gets.
    """

    def __init__(self, finish: Callable[[T], T]) -> None:
        self._finish = finish
        self._source: EventSource[T] | None = None
        self._live: EventSource[T] | None = None
        """The source, while it may be read from."""
        self._started = False
        self._reading = False
        self._ended = False
        self._closed = False
        self._error: UnichatError | None = None

    def _get_source(self) -> EventSource[T] | None:
        """Return the source, or None if it must be opened now."""
        if self._error is not None:
            # A part of an answer must never pass for the whole.
            raise self._error
        if self._closed or (self._started and self._source is None):
            # A question that failed is not asked a second time by reading the stream again.
            raise closed_stream_error()
        self._started = True
        return self._source

    def _set_source(self, source: EventSource[T]) -> EventSource[T]:
        self._source = self._live = source
        if self._closed:
            # Closed meanwhile, from another thread or task.
            self._give_up()
            raise closed_stream_error()
        return source

    def _begin_reading(self) -> None:
        if self._reading:
            raise InvalidInput(
                "this stream is already being read", hint="Read it in one place, and pass the events on."
            )
        self._reading = True

    def _fail(self, error: BaseException) -> None:
        """Remember what ended the reading: nothing may read the rest and take it for the whole."""
        if isinstance(error, UnichatError):
            self._error, self._live = error, None
        else:
            # Interrupted, or cancelled.
            self._give_up(error)

    def _end(self) -> None:
        self._ended = True
        self._give_up()

    def _leave(self, error: BaseException | None) -> None:
        """Give up as its block is left, perhaps by an error; one that is not an `Exception` is an interruption."""
        self._give_up(None if isinstance(error, Exception) else error)

    def _give_up(self, interrupted_by: BaseException | None = None) -> None:
        if isinstance(interrupted_by, GeneratorExit):
            # The caller reads it in a generator of its own, whose reader has left: by `break`, perhaps.
            interrupted_by = None
        self._closed, self._live = True, None
        if self._source is not None:
            self._source.close(interrupted_by)

    @property
    def partial(self) -> Answer | None:
        """The answer as far as it has come, which never waits nor fails; None if nothing has.

        For a stream that was left early or broke: the thread and the id, if they have come, continue and rate it.
        """
        return None if self._source is None else self._source.partial()

    @property
    def call(self) -> CallRecord | None:
        """The record of the call as far as it has come: status, attempts, time. None before anything was sent."""
        if self._error is not None:
            return self._error.call
        partial: Any = self.partial
        return None if partial is None else getattr(self._finish(partial), "call", None)

    def _result(self) -> T:
        assert self._source is not None
        return self._finish(self._source.result())

    def _records(self) -> list[Any]:
        assert self._source is not None
        return self._source.records


class AnswerStream(SingleConsumerStream[T]):
    """A streamed answer: a context manager that yields each `StreamEvent` once, and has `.answer` at the end.

    The question is sent when the block is entered, or with the first event. Leaving the block early drops the
    connection; the vendor may still count the question as asked.
    """

    def __init__(
        self, start: Callable[[], EventSource[T]], perform: Callable[[Any], Any], finish: Callable[[T], T]
    ) -> None:
        super().__init__(finish)
        self._start = start
        self._perform = perform

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(error)

    def _open(self) -> EventSource[T]:
        return self._get_source() or self._set_source(self._start())

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        if self._ended:
            raise StopIteration
        self._begin_reading()
        try:
            source = self._live or self._open()
            while (event := source.ready()) is None and self._perform(source.more()):
                pass
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._reading = False
        if event is None:
            self._end()
            raise StopIteration
        return event

    def _drain(self) -> None:
        for _ in self:
            pass

    @property
    def answer(self) -> T:
        """The whole answer; reads what has not arrived yet.

        Raises:
            InvalidInput: the block was left before the end.
            StreamInterrupted: it breaks before the end.
        """
        self._drain()
        return self._result()

    @property
    def raw(self) -> list[Any]:
        """The vendor's records, all of them; reads what has not arrived yet. Raises as `answer` does."""
        self._drain()
        return self._records()

    def close(self) -> None:
        """Drop the connection. Closing twice is fine."""
        self._give_up()
