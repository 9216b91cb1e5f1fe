"""Answers in pieces: the stream that a caller iterates over, and the running HTTP stream behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from attrs import evolve, frozen

from unichat.errors import InvalidInput, StreamInterrupted, UnichatError
from unichat.logs import log
from unichat.models import Answer, StreamEvent
from unichat.operation import EventSource, Reply, StreamFailure, StreamOperation
from unichat.policy.failures import TABLE, Failure
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.settings import PolicySettings

T = TypeVar("T")


class Broken(Exception):
    """The transport's failure, on its way from the loop that reads to whoever asked for the next event."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def not_begun(failure: Failure) -> Failure:
    """Return what a failure before the first event is: silence until then has a limit of its own."""
    return evolve(failure, kind="first_event") if failure.kind == "stalled" else failure


class Opened(Protocol):
    """What reading a stream needs of an answer whose body is still to come, sync or async."""

    @property
    def status(self) -> int:
        """HTTP's."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case names."""
        ...

    @property
    def close(self) -> Callable[[], None]:
        """Gives the connection up. It is not used again unless the body had ended."""
        ...

    @property
    def framed(self) -> bool:
        """Whether the answer says where its body ends; where it does not, a body that was cut looks whole."""
        ...

    @property
    def heard(self) -> Callable[[float], None]:
        """To be called with every event: how many seconds of silence may follow it."""
        ...


@frozen
class OpenReply:
    """A good answer whose body is still to come.

    Attributes:
        pieces: yields bytes as they come; ends after a proper end, and yields a `Failure` last after any other.
        framed: whether the answer says where its body ends; where it does not, a body that was cut looks whole.
        close: gives the connection up. It is not used again unless the body had ended.
        heard: to be called with every event: how many seconds of silence may follow it.
    """

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes | Failure]
    framed: bool
    close: Callable[[], None]
    heard: Callable[[float], None]


REFUSAL_LIMIT = 65_536
"""Bytes that are read of the body of an error status, where a stream was asked for."""


def refused(opened: Opened, body: bytes, attempts: Attempts[Any]) -> Failed:
    """Return what an error status amounts to, with as much of its body as was read."""
    judged = attempts.judge(Reply(opened.status, opened.headers, body))
    assert isinstance(judged, Failed)
    return judged


class Reading(Generic[T]):
    """A stream as far as it has been read, whoever reads it: what its pieces hold, and what it means when it breaks."""

    def __init__(
        self,
        operation: StreamOperation[T],
        attempts: Attempts[T],
        policy: PolicySettings,
        opened: Opened,
    ) -> None:
        self._operation = operation
        self._attempts = attempts
        self._idle = policy.idle_timeout
        self._opened = opened
        self._decoder = operation.decoder(policy.record_limit)
        self._whole = False
        self._count = 0

    def events(self, piece: bytes | Failure) -> Iterator[StreamEvent]:
        """Yield the events that one piece completes; raise where it is a failure, or holds one."""
        if isinstance(piece, Failure):
            # Everything promised has come, and only the connection was not closed: that is an end as well.
            self._whole = piece.kind == "stalled" and self._decoder.complete
            if not self._whole:
                raise Broken(piece)
            return
        try:
            heard = False
            for event in self._decoder.feed(piece):
                if not heard:
                    # Once for all events of a piece: its reader's time does not count as silence.
                    self._opened.heard(self._idle)
                    heard = True
                yield event
        except StreamFailure:
            raise
        except Exception as error:
            log.debug(
                "%s [%s]: the decoder cannot read this", self._operation.name, self._attempts.call_id, exc_info=True
            )
            name = type(error).__name__
        else:
            return
        # A mistake of the adapter's, as in an operation's parse: callers are promised a UnichatError.
        raise StreamFailure("record", f"the adapter could not read it ({name})")

    def end(self) -> None:
        """Raise if the stream may not end here."""
        reason = None if self._whole else self._decoder.end()
        if reason is None and not self._whole and not self._opened.framed and not self._decoder.complete:
            reason = "it ended with its connection, as one that is cut does"
        if reason is not None:
            raise Broken(Failure("truncated", reason, phase="body"))
        self._attempts.stream_ended(None)

    def left(self) -> None:
        """Note that nobody reads on, if the stream has not ended before."""
        self._attempts.stream_ended(None)

    def given(self, event: StreamEvent) -> StreamEvent:
        """Count an event that the caller gets."""
        self._count += 1
        return event

    def not_begun(self, problem: StreamFailure | Broken) -> Failed:
        """Return what the stream amounts to if it broke before its first event."""
        if isinstance(problem, StreamFailure):
            return self._attempts.stream_failed(problem)
        return self._attempts.broken(not_begun(problem.failure))

    def interrupted(self, problem: StreamFailure | Broken) -> StreamInterrupted:
        """Return the error for a stream that broke after its first event, with all that had come."""
        if isinstance(problem, StreamFailure):
            reason = self._attempts.words_of(problem)
        else:
            row, detail = TABLE[problem.failure.kind], problem.failure.detail
            reason = f"{row.title}: {detail}" if detail else row.title
        events = f"{self._count} event{'' if self._count == 1 else 's'}"
        error = StreamInterrupted(
            f"the stream broke after {events}: {reason}",
            hint="The text so far is in .text; look at the history before asking again.",
            backend=self._operation.backend,
            operation=self._operation.name,
            status=self._attempts.status,
            retryable=True,
            events=self._count,
        )
        partial = self._decoder.result()
        if isinstance(partial, Answer):
            error.text, error.sources = partial.text, partial.sources
            error.thread, error.answer_id = partial.thread, partial.id
        kind = problem.failure.kind if isinstance(problem, Broken) else ""
        return self._attempts.interrupted(error, kind if kind in ("deadline", "cancelled") else "not_retryable")

    def result(self) -> T:
        """Return what the events amount to, once they have all come."""
        return self._decoder.result()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._decoder.records


def _read(reading: Reading[Any], pieces: Iterator[bytes | Failure]) -> Iterator[StreamEvent]:
    # No method of the stream's: it would keep a stream alive that everybody else has forgotten.
    try:
        for piece in pieces:
            yield from reading.events(piece)
        reading.end()
    except GeneratorExit:
        # Closed, or forgotten.
        reading.left()
        raise


class Running(Generic[T]):
    """A stream that runs, whoever iterates over it."""

    def __init__(
        self, operation: StreamOperation[T], opened: Opened, attempts: Attempts[T], policy: PolicySettings
    ) -> None:
        attempts.answered(opened.status, opened.headers)
        self._opened = opened
        self._reading = Reading(operation, attempts, policy, opened)
        self._waiting: list[StreamEvent] = []

    def result(self) -> T:
        """Return what the events amount to, once they have all come."""
        return self._reading.result()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._reading.records

    def close(self) -> None:
        """Give the connection up; one whose body has ended goes back to the pool instead."""
        self._reading.left()
        self._opened.close()


class Stream(Running[T]):
    """The events of one streamed answer, once each. Iterate, then read `result()`."""

    def __init__(
        self, operation: StreamOperation[T], opened: OpenReply, attempts: Attempts[T], policy: PolicySettings
    ) -> None:
        super().__init__(operation, opened, attempts, policy)
        self._events = _read(self._reading, opened.pieces)

    def first(self) -> Done[Stream[T]] | Failed:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        try:
            self._waiting.append(next(self._events))
        except StopIteration:
            pass
        except (StreamFailure, Broken) as problem:
            return self._reading.not_begun(problem)
        return Done(self)

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        error: StreamInterrupted | None = None
        try:
            return self._reading.given(self._waiting.pop() if self._waiting else next(self._events))
        except (StreamFailure, Broken) as problem:
            error = self._reading.interrupted(problem)
        self.close()
        raise error


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
        self._error: UnichatError | None = None

    def __enter__(self) -> Self:
        self._running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> EventSource[T]:
        if self._error is not None:
            # A part of an answer must never pass for the whole.
            raise self._error
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
        except UnichatError as error:
            self._error = error
            raise
        except BaseException:
            # Interrupted: nobody may take up what is left, and take it for the whole.
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
