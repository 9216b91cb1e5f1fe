"""A streamed answer on its way: the events of what has come, and what it means when it breaks.

Theory of operation
-------------------
A `LiveStream` sits between three others: the transport's open reply, which gives bytes; the adapter's decoder, which
makes events of them; and one consumer, who asks for events. It waits for nothing itself: `ready` gives the events of
the bytes that are here, and `more` is a program that reads the next bytes.

Until the first event, a stream is an attempt like any other: what goes wrong is judged, and it may be asked for again
(`first`). From then on it cannot be: an interruption raises `StreamInterrupted` with all that had come.

A stream ends in one of five ways, and each ends the operation's run (`OperationRun.finish`), once:

- its body ends, and the decoder agrees that the answer is whole;
- everything promised has come, and the server only keeps the connection open: the idle timeout is then an end too;
- it breaks: the connection, the deadline, the idle timeout, or a record that cannot be read;
- its consumer leaves it, by `close`, by the end of its block, by Ctrl-C or a cancelled task;
- it is forgotten, and the garbage collector comes by, in whichever thread.

Idle time is what the consumer spends waiting for the vendor. It starts anew with each event, not with each byte, and
the consumer's own time does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import evolve

from unichat._text.log import log
from unichat._text.templates import Template, Term
from unichat.adapter import StreamDecoder, StreamFailure, StreamOperation
from unichat.errors import InvalidInput, InvalidResponse, StreamInterrupted, UnichatError
from unichat.execution.attempt import OperationRun
from unichat.execution.effects import Program, Read
from unichat.models import Answer, StreamEvent
from unichat.policy.failures import rule_for_kind
from unichat.policy.judge import Done, Failed
from unichat.transport.base import AsyncOpenReply, OpenReply, TransportFailure

T = TypeVar("T")


class _BodyFailure(Exception):
    """The transport's failure, on its way from where the body is read to the consumer."""

    def __init__(self, failure: TransportFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def fail_before_first_event(failure: TransportFailure) -> TransportFailure:
    """Return what a failure before the first event is: idle time until then has a limit of its own."""
    return evolve(failure, kind="first_event") if failure.kind == "stalled" else failure


def closed_stream() -> InvalidInput:
    """Return the error for a look at a stream that is closed."""
    return InvalidInput("the stream is closed", hint="Read it before its block is left, or ask again.")


class LiveStream(Generic[T]):
    """The events of one streamed answer, once each. See the top of this module."""

    def __init__(self, run: OperationRun[T], reply: OpenReply | AsyncOpenReply) -> None:
        assert isinstance(run.operation, StreamOperation)
        self._begun = False
        self._run = run
        self._reply = reply
        self._operation = run.operation
        self._policy = run.context.policy
        self._decoder: StreamDecoder[T]
        self._events: Iterator[StreamEvent] = iter(())
        self._is_idle = False
        """Whether the idle timeout counts from the last event already."""
        self._count = 0
        self._closed = False

    def __del__(self) -> None:
        # One that was forgotten rather than closed.
        if self._begun:
            self._run.finish(Done(None))
        self._run.context.discard(self._reply)

    def first(self) -> Program[Done[LiveStream[T]] | Failed]:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        try:
            # Not before there is somebody to hear of it if that fails.
            self._decoder = self._operation.decoder(self._policy.record_limit)
            while (event := next(self._events, None)) is None and self._feed((yield Read(self._reply))):
                pass
        except Exception as problem:
            return self._fail_before_first_event(problem)
        self._begun = True
        if event is not None:
            self._events = chain((event,), self._events)
        return Done(self)

    def _fail_before_first_event(self, problem: Exception) -> Failed:
        if isinstance(problem, _BodyFailure):
            return self._run.judge.failure(fail_before_first_event(problem.failure))
        return self._run.judge.stream_failure(self._stream_failure(problem))

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first.

        Raises:
            StreamInterrupted: what has come cannot be read, or is the vendor's report of a failure.
        """
        try:
            event = next(self._events, None)
        except Exception as problem:
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
        raise error

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end.

        Raises:
            StreamInterrupted: it broke.
        """
        error: UnichatError
        try:
            return self._feed((yield Read(self._reply)))
        except Exception as problem:
            error = self._interrupt(problem)
        # Not within the handler: it would keep what it stands for.
        raise error

    def _feed(self, chunk: bytes | TransportFailure | None) -> bool:
        """Take what has come, None for the end; return whether there may be more. Raises `_BodyFailure`."""
        if isinstance(chunk, bytes):
            self._events, self._is_idle = self._decoder.feed(chunk), False
            return True
        if chunk is None:
            reason = self._decoder.end()
            if reason is None and not self._reply.delimited and not self._decoder.complete:
                reason = "it ended with its connection, as one that is cut does"
            if reason is not None:
                raise _BodyFailure(TransportFailure("truncated", reason, phase="body"))
        elif chunk.kind != "stalled" or not self._decoder.complete:
            # Everything promised may have come, and only the connection was not closed: that is an end as well.
            raise _BodyFailure(chunk)
        if self._begun:
            self._run.finish(Done(None))
        return False

    def _stream_failure(self, problem: Exception) -> StreamFailure:
        """Return the failure that a decoder reports, or what a mistake of its own amounts to."""
        if isinstance(problem, StreamFailure):
            return problem
        log.debug("%s [%s]: the decoder cannot read this", self._operation.name, self._run.facts.call_id, exc_info=True)
        return StreamFailure("record", f"the adapter could not read it ({type(problem).__name__})")

    def _interrupt(self, problem: Exception) -> UnichatError:
        """Close, and return the error for a stream that broke after its first event, with all that had come."""
        if self._closed:
            # Somebody closed it while another waited for more.
            return closed_stream()
        stopped_by = "not_retryable"
        if isinstance(problem, _BodyFailure):
            failure = problem.failure
            title = rule_for_kind(failure.kind).title
            reason = f"{title}: {failure.detail}" if failure.detail else title
            if failure.kind in ("deadline", "cancelled"):
                stopped_by = failure.kind
        else:
            reason = self._run.explain_stream_failure(self._stream_failure(problem))
        events = f"{self._count} event{'' if self._count == 1 else 's'}"
        error = StreamInterrupted(
            f"the stream broke after {events}: {reason}",
            hint=Template("The text so far is ", Term("in .text"), "; look at the history before asking again."),
            backend=self._operation.backend,
            operation=self._operation.name,
            status=self._run.facts.status,
            retryable=True,
            events=self._count,
        )
        partial: object = None
        with suppress(Exception):
            partial = self._decoder.result()
        if isinstance(partial, Answer):
            error.text, error.sources = partial.text, partial.sources
            error.thread, error.answer_id = partial.thread, partial.id
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
        except Exception as error:
            reason = self._stream_failure(error).reason
        raise InvalidResponse(f"the stream: {reason}", backend=self._operation.backend, operation=self._operation.name)

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
