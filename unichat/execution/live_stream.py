"""A streamed answer that runs: its pieces as they come, the events in them, and what it means when it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import evolve

from unichat._text.log import log
from unichat._text.templates import Template, Term
from unichat.adapter import PolicySettings, Reply, StreamDecoder, StreamFailure, StreamOperation
from unichat.errors import InvalidInput, InvalidResponse, StreamInterrupted, UnichatError
from unichat.models import Answer, StreamEvent
from unichat.policy.failures import TABLE
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.transport.base import OpenReply, TransportFailure

T = TypeVar("T")
P_co = TypeVar("P_co", covariant=True)


class Broken(Exception):
    """The transport's failure, on its way from the loop that reads to whoever asked for the next event."""

    def __init__(self, failure: TransportFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def not_begun(failure: TransportFailure) -> TransportFailure:
    """Return what a failure before the first event is: silence until then has a limit of its own."""
    return evolve(failure, kind="first_event") if failure.kind == "stalled" else failure


REFUSAL_LIMIT = 65_536
"""Bytes that are read of the body of an error status, where a stream was asked for."""


def refused(opened: OpenReply[Any], body: bytes, attempts: Attempts[Any]) -> Failed:
    """Return what an error status amounts to, with as much of its body as was read."""
    judged = attempts.judge(Reply(opened.status, opened.headers, body))
    assert isinstance(judged, Failed)
    return judged


def closed_stream() -> InvalidInput:
    """Return the error for a look at a stream that is closed."""
    return InvalidInput("the stream is closed", hint="Read it before its block is left, or ask again.")


class LiveStream(Generic[T]):
    """A stream that runs: the events of what has come of it, and what it means when it breaks.

    Whoever waits for its pieces hands each to `_take`, and asks `ready` for the events before the next.
    """

    def __init__(
        self, operation: StreamOperation[T], opened: OpenReply[Any], attempts: Attempts[T], policy: PolicySettings
    ) -> None:
        self._begun = False
        self._attempts = attempts
        attempts.answered(opened.status, opened.headers)
        self._operation = operation
        self._opened = opened
        self._policy = policy
        self._decoder: StreamDecoder[T]
        self._events: Iterator[StreamEvent] = iter(())
        self._heard = True
        self._count = 0
        self._closed = False

    def __del__(self) -> None:
        # One that was forgotten rather than closed. What its pieces hold, they give up themselves.
        if self._begun:
            self._attempts.stream_ended(None)

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first.

        Raises:
            StreamInterrupted: what has come cannot be read, or is the vendor's report of a failure.
        """
        try:
            event = next(self._events, None)
        except Exception as problem:
            error = self._interrupted(problem)
        else:
            if event is not None:
                if not self._heard:
                    # Once for all events of a piece: its reader's time does not count as silence.
                    self._opened.heard(self._policy.idle_timeout)
                    self._heard = True
                self._count += 1
            return event
        # Not within the handler: it would keep what it stands for.
        raise error

    def _unreadable(self, error: Exception) -> StreamFailure:
        """Return what a mistake of the adapter's amounts to: callers are promised a UnichatError."""
        log.debug("%s [%s]: the decoder cannot read this", self._operation.name, self._attempts.call_id, exc_info=True)
        return StreamFailure("record", f"the adapter could not read it ({type(error).__name__})")

    def _decode(self) -> None:
        """Make the decoder: not before there is somebody to hear of it if that fails."""
        self._decoder = self._operation.decoder(self._policy.record_limit)

    def _take(self, piece: bytes | TransportFailure | None) -> bool:
        """Take what has come, None for the end; return whether there may be more. Raises `Broken`."""
        if isinstance(piece, bytes):
            self._events, self._heard = self._decoder.feed(piece), False
            return True
        if piece is None:
            reason = self._decoder.end()
            if reason is None and not self._opened.framed and not self._decoder.complete:
                reason = "it ended with its connection, as one that is cut does"
            if reason is not None:
                raise Broken(TransportFailure("truncated", reason, phase="body"))
        elif piece.kind != "stalled" or not self._decoder.complete:
            # Everything promised may have come, and only the connection was not closed: that is an end as well.
            raise Broken(piece)
        self._attempts.stream_ended(None)
        return False

    def _begin(self, first: StreamEvent | None) -> None:
        """Take the first event, if there is any, for the next one."""
        self._begun = True
        if first is not None:
            self._events = chain((first,), self._events)

    def _not_begun(self, problem: Exception) -> Failed:
        """Return what the stream amounts to if it broke before its first event."""
        if isinstance(problem, Broken):
            return self._attempts.broken(not_begun(problem.failure))
        return self._attempts.stream_failed(
            problem if isinstance(problem, StreamFailure) else self._unreadable(problem)
        )

    def _interrupted(self, problem: Exception) -> UnichatError:
        """Close, and return the error for a stream that broke after its first event, with all that had come."""
        if self._closed:
            # Somebody closed it while another waited for more.
            return closed_stream()
        if isinstance(problem, Broken):
            row, detail = TABLE[problem.failure.kind], problem.failure.detail
            reason = f"{row.title}: {detail}" if detail else row.title
        else:
            reason = self._attempts.words_of(
                problem if isinstance(problem, StreamFailure) else self._unreadable(problem)
            )
        events = f"{self._count} event{'' if self._count == 1 else 's'}"
        error = StreamInterrupted(
            f"the stream broke after {events}: {reason}",
            hint=Template("The text so far is ", Term("in .text"), "; look at the history before asking again."),
            backend=self._operation.backend,
            operation=self._operation.name,
            status=self._attempts.status,
            retryable=True,
            events=self._count,
        )
        partial: object = None
        with suppress(Exception):
            partial = self._decoder.result()
        if isinstance(partial, Answer):
            error.text, error.sources = partial.text, partial.sources
            error.thread, error.answer_id = partial.thread, partial.id
        kind = problem.failure.kind if isinstance(problem, Broken) else ""
        error = self._attempts.interrupted(error, kind if kind in ("deadline", "cancelled") else "not_retryable")
        self.close()
        return error

    def result(self) -> T:
        """Return what the events amount to, once they have all come.

        Raises:
            InvalidResponse: the adapter cannot make anything of them.
        """
        try:
            return self._decoder.result()
        except UnichatError:
            raise
        except Exception as error:
            reason = self._unreadable(error).reason
        raise InvalidResponse(f"the stream: {reason}", backend=self._operation.backend, operation=self._operation.name)

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._decoder.records

    def close(self, gave_up: BaseException | None = None) -> None:
        """Give the connection up; one whose body has ended goes back to the pool instead.

        Args:
            gave_up: why nobody waits any longer, where that is neither an end nor an error: Ctrl-C, or a cancelling.
        """
        self._closed = True
        self._attempts.stream_ended(gave_up)
        self._opened.close()


class Stream(LiveStream[T]):
    """The events of one streamed answer, once each. Iterate, then read `result()`."""

    def first(self) -> Done[Stream[T]] | Failed:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        try:
            self._decode()
            while (event := next(self._events, None)) is None and self._take(next(self._opened.pieces, None)):
                pass
        except Exception as problem:
            return self._not_begun(problem)
        self._begin(event)
        return Done(self)

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        while (event := self.ready()) is None:
            error, more = None, False
            try:
                more = self._take(next(self._opened.pieces, None))
            except Exception as problem:
                error = self._interrupted(problem)
            if error is not None:
                raise error
            if not more:
                raise StopIteration
        return event
