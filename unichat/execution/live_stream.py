"""A streamed answer while it is read: the events of what has come, and what it means when it breaks.

Theory of operation
-------------------
A `LiveStream` sits between three others: the transport's open reply, which gives bytes; the adapter's decoder, which
makes events of them; and one consumer, who asks for events. It waits for nothing itself: `ready` gives the events of
the bytes that are here, and `more` is a program that reads the next bytes.

Until the first event, a stream is an attempt like any other: what goes wrong is judged, and it may be asked for again
(`first`). From then on it cannot be: an interruption raises `StreamInterrupted` with all that had come.

A stream ends in one of six ways, and each ends the operation's run (`OperationRun.finish`), once:

- the decoder knows the end for certain, by the vendor's last record: nothing is read after it;
- its body ends, and the decoder agrees that the answer is whole;
- everything promised has come, and the server only keeps the connection open: the idle timeout is then an end too, and
  so is the deadline, if nothing had come for a second by then;
- it breaks: the connection, the deadline, the idle timeout, or a record that cannot be read;
- its consumer leaves it, by `close`, by the end of its block, by Ctrl-C or a cancelled task;
- it is forgotten, and the garbage collector comes by, in whichever thread.

Idle time is what the consumer spends waiting for the vendor. It restarts with each event and each sign of life (a
comment, a ping, an empty record), not with each byte, and the consumer's own time does not count. A sign of life is
not an event: before the first event, the stream may still be asked for again.

The flow that opened a stream may go on after it. A flow that *relays* a stream (`relay_stream`) stays alive, suspended
at that step, while the consumer reads: `complete` then returns a `RelayedStream` (`flow_run`) instead of the flow's
result. At the stream's end the flow is sent the result, and whatever it does then, such as keeping the turn of a vendor
that keeps none, is part of the consumer's last wait; what the flow returns is the answer. If the stream breaks, the
error is thrown into the flow, which may find the answer elsewhere. If the consumer leaves or forgets the stream, the
flow is closed: it can clean up, and send nothing.

A lock that the flow holds (`exclusive`) is released when the flow ends in any of these ways, and where the flow returns
the stream itself (`open_stream`), when the stream ends. While a stream is open with a lock, the lock knows its reader,
a thread or task: if that asks in the same conversation, it would wait for itself until the deadline, so it is refused
at once. Any other reader waits. The garbage collector may release it in any thread and at any moment; with asyncio,
that is handed to the event loop, to which the lock belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

from unichat.adapter import Reply, StreamDecoder, StreamOperation
from unichat.errors import InvalidResponse, UnichatError
from unichat.execution.attempt import OperationRun
from unichat.execution.effects import Program, Read
from unichat.execution.stream_failures import (
    BodyFailure,
    as_stream_failure,
    build_interruption,
    closed_stream_error,
    fail_before_first_event,
    is_stream_failure,
)
from unichat.models import Answer, StreamEvent
from unichat.policy.judge import Done, Failed
from unichat.policy.mistakes import clean_mistake, is_mistake
from unichat.transport.base import AsyncOpenReply, OpenReply, TransportFailure

T = TypeVar("T")


_SILENCE = 1.0
"""Seconds without bytes after which a deadline ends a stream that has everything, rather than interrupting it."""


class LiveStream(Generic[T]):
    """The events of one streamed answer, once each. See the top of this module."""

    _begun = False
    """Whether its first event has come. Of the class, too: an interrupt can keep one from being made."""

    def __init__(self, run: OperationRun[T], reply: OpenReply | AsyncOpenReply) -> None:
        assert isinstance(run.operation, StreamOperation)
        self._run = run
        self._reply = reply
        self._operation = run.operation
        self._policy = run.context.policy
        self._decoder: StreamDecoder[T]
        self._events: Iterator[StreamEvent] = iter(())
        self._knows_end = self._shows_life = False
        self._is_idle = False
        """Whether the idle timeout counts from the last event already."""
        self._signs_of_life = 0
        """Those after which the idle timeout has restarted."""
        self._clock = run.call.deadline.clock
        self._asked = self._arrived = self._clock()
        """When more was asked for the last time, and when the last bytes came."""
        self._body_ended = False
        self._count = 0
        self._closed = False

    def __del__(self) -> None:
        # One that was forgotten rather than closed. Before its first event, its opener closes it.
        if self._begun and not self._closed:
            self._run.finish(Done(None))
            self._run.context.discard(self._reply)

    def first(self) -> Program[Done[LiveStream[T]] | Failed]:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        silence = self._policy.first_event_timeout
        try:
            # Only here, where a failure of it can be reported.
            self._decoder = self._operation.decoder(self._policy.record_limit)
            self._knows_end = hasattr(self._decoder, "ended")
            self._shows_life = hasattr(self._decoder, "signs_of_life")
            while (event := next(self._events, None)) is None:
                if (deadline := self._run.call.deadline).whole is not None:
                    silence = min(silence, deadline.remaining())
                if not (self._may_read(silence) and self._take((yield Read(self._reply)))):
                    break
        except Exception as problem:
            if not is_stream_failure(problem):
                raise
            return self._fail_before_first_event(problem)
        self._begun = True
        if event is not None:
            self._events = chain((event,), self._events)
        return Done(self)

    def _fail_before_first_event(self, problem: Exception) -> Failed:
        if isinstance(problem, BodyFailure):
            return self._run.judge.failure(fail_before_first_event(problem.failure))
        failed = self._run.judge.stream_failure(as_stream_failure(problem), self._head)
        self._keep_cause(failed.error, problem)
        return failed

    def _keep_cause(self, error: UnichatError, problem: Exception) -> None:
        """Keep a mistake of the adapter's for its author."""
        if is_mistake(problem):
            error.__cause__ = clean_mistake(problem, self._run.redact)

    @property
    def _head(self) -> Reply:
        return Reply(self._reply.status, self._reply.headers, b"")

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first.

        Raises:
            StreamInterrupted: what has come cannot be read, or is the vendor's report of a failure.
        """
        try:
            event = next(self._events, None)
        except Exception as problem:
            if not is_stream_failure(problem):
                raise
            error = self._interrupt(problem)
        else:
            if event is not None:
                if not self._is_idle:
                    # Once for all events of a chunk: the consumer's time does not count as idle.
                    self._reply.reset_idle_timeout(self._policy.idle_timeout)
                    self._is_idle = True
                self._count += 1
            return event
        # Not within the handler: it would keep what it stands for.
        raise error from error.__cause__

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end.

        Raises:
            StreamInterrupted: it broke.
        """
        error: UnichatError
        try:
            going_on = self._may_read(self._policy.idle_timeout) and self._take((yield Read(self._reply)))
        except Exception as problem:
            if not is_stream_failure(problem):
                raise
            error = self._interrupt(problem)
        else:
            if not going_on:
                self._run.finish(Done(None))
            return going_on
        # Not within the handler: it would keep what it stands for.
        raise error from error.__cause__

    def _may_read(self, silence: float) -> bool:
        """Return whether there may be more to read, or raise `BodyFailure` if the stream may not end here.

        Args:
            silence: the idle timeout that restarts after a sign of life.
        """
        decoder: Any = self._decoder
        if self._knows_end and decoder.ended:
            # Given up: a vendor that leaves the body open would keep its reader, or a thread or task in the background,
            # waiting for nothing. A new connection costs a handshake, in a call that takes seconds.
            self._reply.close()
            return False
        if self._body_ended:
            self._check_end()
            return False
        if self._shows_life and decoder.signs_of_life != self._signs_of_life:
            self._signs_of_life = decoder.signs_of_life
            self._reply.reset_idle_timeout(silence)
        self._asked = self._clock()
        return True

    def _take(self, chunk: bytes | TransportFailure | None) -> bool:
        """Take what has come, None for the end; return whether there may be more. Raises `BodyFailure`."""
        if isinstance(chunk, bytes):
            self._events, self._is_idle = self._decoder.feed(chunk), False
            self._arrived = self._clock()
            return True
        if chunk is None:
            self._body_ended = True
            if (flush := getattr(self._decoder, "flush", None)) is None:
                self._check_end()
                return False
            # The last record may lack what ends it.
            self._events = flush()
            return True
        if not self._is_end(chunk):
            raise BodyFailure(chunk)
        return False

    def _check_end(self) -> None:
        """Raise `BodyFailure` if the stream may not end where its body did."""
        reason = self._decoder.end()
        if reason is None and not self._reply.delimited and not self._decoder.complete:
            reason = "it ended with its connection, as one that is cut does"
        if reason is not None:
            raise BodyFailure(TransportFailure("truncated", reason, phase="body"))

    def _is_end(self, failure: TransportFailure) -> bool:
        """Return whether everything promised has come, and only the connection was not closed."""
        if failure.kind == "stalled":
            return self._decoder.complete
        if failure.kind != "deadline":
            return False
        deadline = self._run.call.deadline
        # A read that began after the deadline has not looked for what had come.
        looked = self._asked - deadline.started < deadline.seconds
        return looked and self._clock() - self._arrived >= _SILENCE and self._decoder.complete

    def _interrupt(self, problem: Exception) -> UnichatError:
        """Close, and return the error for a stream that broke after its first event, with all that had come."""
        if self._closed:
            # Somebody closed it while another waited for more.
            return closed_stream_error()
        error, stopped_by = build_interruption(problem, self._run, self._head, self._count, self.partial())
        self._keep_cause(error, problem)
        self._run.finish(error, stopped_by=stopped_by)
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
        except Exception as problem:
            if not is_mistake(problem):
                raise
            reason = as_stream_failure(problem).reason
            cause = clean_mistake(problem, self._run.redact)
        error = InvalidResponse(f"the stream: {reason}", hint="Check the history before asking again.")
        error.backend, error.operation = self._operation.backend, self._operation.name
        # Not within the handler: it would keep what it stands for.
        raise error from cause

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come; None if the adapter can make none of it."""
        partial: object = None
        try:
            partial = getattr(self._decoder, "partial", self._decoder.result)()
        except Exception as mistake:
            if not is_stream_failure(mistake):
                raise
        return partial if isinstance(partial, Answer) else None

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._decoder.records

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Give the connection up; one whose body has ended is in the pool already.

        Args:
            interrupted_by: why the consumer leaves, where that is neither an end nor an error: Ctrl-C, or a
                cancelled task.
        """
        self._closed = True
        self._run.finish(Done(None) if interrupted_by is None else interrupted_by)
        self._reply.close()
