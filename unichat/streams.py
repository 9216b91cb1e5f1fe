"""Answers in pieces: the stream that a caller iterates over, and the running HTTP stream behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from unichat.errors import InvalidInput, StreamInterrupted
from unichat.models import Answer, StreamEvent
from unichat.operation import EventSource, StreamFailure, StreamOperation
from unichat.policy.failures import TABLE, Failure
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.settings import PolicySettings

if TYPE_CHECKING:
    from unichat.transport.on_requests import OpenReply

T = TypeVar("T")


class _Broken(Exception):
    """The transport's failure, on its way from the loop that reads to whoever asked for the next event."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class Stream(Generic[T]):
    """The events of one streamed answer, once each. Iterate, then read `result()`."""

    def __init__(
        self, operation: StreamOperation[T], opened: OpenReply, attempts: Attempts[T], policy: PolicySettings
    ) -> None:
        self._operation = operation
        self._opened = opened
        self._attempts = attempts
        self._idle = policy.idle_timeout
        self._decoder = operation.decoder(policy.record_limit)
        self._events = self._read()
        self._waiting: list[StreamEvent] = []
        self._count = 0

    def _read(self) -> Iterator[StreamEvent]:
        for piece in self._opened.pieces:
            if isinstance(piece, Failure):
                if piece.kind == "stalled" and self._decoder.complete:
                    # Everything promised has come; only the connection was not closed.
                    return
                raise _Broken(piece)
            for event in self._decoder.feed(piece):
                self._opened.heard(self._idle)
                yield event
        reason = self._decoder.end()
        if reason is not None:
            raise _Broken(Failure("truncated", reason))

    def first(self) -> Done[Stream[T]] | Failed:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        self._attempts.answered(self._opened.status, self._opened.headers)
        try:
            self._waiting.append(next(self._events))
        except StopIteration:
            pass
        except StreamFailure as failure:
            return self._attempts.stream_failed(failure)
        except _Broken as broken:
            if broken.failure.kind == "stalled":
                # Until the first event it is a deadline of its own, and a question that may have been received.
                return self._attempts.broken(Failure("deadline", "no event in time", delivered=True))
            return self._attempts.broken(broken.failure)
        return Done(self)

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        reason = ""
        try:
            event = self._waiting.pop() if self._waiting else next(self._events)
        except StreamFailure as failure:
            reason = failure.reason
        except _Broken as broken:
            row = TABLE[broken.failure.kind]
            reason = f"{row.title}: {broken.failure.detail}" if broken.failure.detail else row.title
        if reason:
            self.close()
            raise self._interrupted(reason)
        self._count += 1
        return event

    def _interrupted(self, reason: str) -> StreamInterrupted:
        error = StreamInterrupted(
            f"the stream broke after {self._count} events: {reason}",
            hint="The text so far is in .text; look at the history before asking again.",
            backend=self._operation.backend,
            operation=self._operation.name,
            status=self._attempts.status,
            retryable=True,
            events=self._count,
            call=self._attempts.record(),
        )
        partial = self._decoder.result()
        if isinstance(partial, Answer):
            error.text, error.sources = partial.text, partial.sources
            error.thread, error.answer_id = partial.thread, partial.id
        return error

    def result(self) -> T:
        """Return what the events amount to, once they have all come."""
        return self._decoder.result()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._decoder.records

    def close(self) -> None:
        """Give the connection up; one whose body has ended goes back to the pool instead."""
        self._opened.close()


class WholeAnswer:
    """An answer of a backend without streaming, as a stream of one event."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._events = iter([StreamEvent(type="text", text=answer.text, sources=answer.sources, raw=answer.raw)])

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def result(self) -> Answer:
        """Return the answer."""
        return self._answer

    @property
    def records(self) -> list[Any]:
        """The one answer's JSON."""
        return [self._answer.raw]

    def close(self) -> None:
        """Do nothing: the answer is here."""


class AnswerStream(Generic[T]):
    """An answer in pieces: a context manager that gives each `StreamEvent` once, and has `.answer` at the end.

    The question is sent when the block is entered, or with the first event. Leaving the block early gives the
    connection up; the vendor may still count the question as asked.
    """

    def __init__(self, start: Callable[[], EventSource[T]], finish: Callable[[T], T]) -> None:
        self._start = start
        self._finish = finish
        self._source: EventSource[T] | None = None
        self._ended = False
        self._closed = False

    def __enter__(self) -> Self:
        self._running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> EventSource[T]:
        if self._closed:
            raise InvalidInput("the stream is closed", hint="Read it within its with block, or ask again.")
        if self._source is None:
            # Closed until it runs: a question that failed is not asked a second time by the next look at the stream.
            self._closed = True
            self._source = self._start()
            self._closed = False
        return self._source

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        if self._ended:
            raise StopIteration
        try:
            return next(self._running())
        except StopIteration:
            self._ended = True
            self.close()
            raise

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
        self._closed = True
        if self._source is not None:
            self._source.close()
