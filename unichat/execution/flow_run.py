"""One flow while it runs, the locks that it holds, and the stream that it relays. See the top of `live_stream`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from unichat._interruptions import is_interruption
from unichat._text.log import log
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import EventSource, Exclusive, Flow, Relay
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.call import Call
from unichat.execution.context import Context, wait_timeout
from unichat.execution.effects import Acquire, Program
from unichat.execution.flow_step import advance_flow
from unichat.execution.locks import KeyedLock
from unichat.execution.stream_failures import closed_stream_error
from unichat.execution.stream_relay import StreamRelay
from unichat.models import Answer, StreamEvent
from unichat.policy.judge import Done

T = TypeVar("T")

Run = Callable[[Any, Call, Context], Program[Any]]
"""Runs one operation."""


class FlowRun(Generic[T]):
    """Runs a flow, in one go or, where it relays streams, with the reading of each in between."""

    __slots__ = ("_call", "_context", "_ended", "_flow", "_held", "_run")

    def __init__(self, flow: Flow[T], call: Call, context: Context, run: Run) -> None:
        self._flow = flow
        self._call = call
        self._context = context
        self._run = run
        # Few flows need a lock.
        self._held: list[KeyedLock] | None = None
        self._ended = False

    def advance(self, result: Any = None, failure: UnichatError | None = None) -> Program[Any]:
        """Run the flow on, to its end or to the next stream that it relays.

        Args:
            result: of the step that the flow waits for.
            failure: what is thrown in instead.

        Returns:
            The flow's result, or a `RelayedStream` that runs the rest of the flow.
        """
        flow, call, context, run = self._flow, self._call, self._context, self._run
        goes_on = False
        try:
            while not self._ended:
                # Handed over in a list, so that no frame of an error's traceback shows it.
                handed, result = [result], None
                step = advance_flow(flow, handed, failure, call, context)
                if isinstance(step, Done):
                    result, failure, self._ended = step.value, None, True
                    break
                result = failure = None
                if isinstance(step, Exclusive):
                    yield from self._acquire(step)
                    continue
                try:
                    if isinstance(step, Relay):
                        source = yield from run(step.operation, call, context)
                        goes_on = True
                        return self._relay(source)
                    result = yield from run(step, call, context)
                except UnichatError as error:
                    failure = error
            if failure is not None:
                raise failure
            if self._held and _is_stream(result):
                # The answer is still being read, and until then nothing else may go on in its conversation.
                goes_on = True
                return self._relay(result)
            return result
        except UnichatError as error:
            # A cause is an adapter's mistake; whatever else was around it is of no interest, and may hold a key.
            raise call.locate(error) from error.__cause__
        finally:
            if not goes_on:
                self.release()

    def _relay(self, source: EventSource[Any]) -> RelayedStream[T]:
        self.note_caller()
        return RelayedStream(source, self)

    def _acquire(self, step: Exclusive) -> Program[None]:
        if self._held and step.key in [lock.key for lock in tuple(self._held)]:
            # The flow's own: it would wait for itself.
            return
        context, deadline = self._context, self._call.deadline
        lock = context.locks.join(step.key)
        try:
            if lock.is_held_by(context.caller()):
                raise InvalidInput(
                    f"{step.waiting_for} is still running: its stream is open, and this thread or task is its reader",
                    hint=Template(PythonOnly("Read the stream to its end, or leave its block, before asking again.")),
                )
            lock.permit = yield Acquire(lock.lock, deadline)
        finally:
            if lock.permit is None:
                lock.leave()
        if lock.permit is None:
            raise wait_timeout(step.waiting_for, deadline)
        if self._held is None:
            self._held = []
        self._held.append(lock)

    def note_caller(self) -> None:
        """Note who reads the stream now: if it asked in the same conversation, it would wait for itself."""
        if self._held:
            caller = self._context.caller()
            for lock in tuple(self._held):
                lock.hold(caller)

    def release(self) -> None:
        """Release all locks, the last one first."""
        # One at a time: the thread that reads and one that closes may both be here, and each lock is released once.
        while self._held:
            try:
                lock = self._held.pop()
            except IndexError:
                break
            lock.release()

    def stop(self) -> None:
        """See to it that the flow is not run on."""
        self._ended = True

    def abandon(self) -> None:
        """End the flow where it stands, as its reader left, and release all locks."""
        self.stop()
        try:
            self._flow.close()
        except Exception as error:
            if is_interruption(error):
                raise
            # It cannot be reported to anybody: the reader has left.
            log.exception("a flow could not be closed")
        finally:
            self.release()

    def abandon_soon(self) -> None:
        """Do the same from any thread, the garbage collector's included."""
        if self._held or not self._ended:
            self._context.call_soon(self.abandon)


def _is_stream(result: object) -> bool:
    # isinstance() of a protocol looks at every member, which takes as long as half of a call.
    return hasattr(result, "ready") and hasattr(result, "more")


class RelayedStream(StreamRelay[T]):
    """A flow's stream: its events are the caller's, and its end is the flow's, which then goes on."""

    def __init__(self, source: EventSource[Any], flow_run: FlowRun[T]) -> None:
        self._flow_run = flow_run
        self._last_event: StreamEvent | None = None
        super().__init__(source)

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        if self._last_event is not None:
            event, self._last_event = self._last_event, None
            return event
        return super().ready()

    def _end(self, failure: UnichatError | None) -> Program[bool]:
        """Run the flow on, which fails if it does not make something of the failure."""
        outcome = yield from self._flow_run.advance(self._result, failure)
        if self._left:
            # While the flow went on.
            raise closed_stream_error()
        if isinstance(outcome, RelayedStream):
            # The flow goes on with another stream.
            outcome._over = True
            self._source = outcome._source
            return True
        self._over, self._result = True, outcome
        if failure is not None and isinstance(outcome, Answer):
            # The flow has found the answer elsewhere: what was read so far may not be its beginning.
            self._last_event = StreamEvent(
                type="text", text=outcome.text, sources=outcome.sources, raw=outcome.raw, replaces=True
            )
            return True
        return False

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come."""
        return self._result if isinstance(self._result, Answer) else super().partial()

    def _note_reader(self) -> None:
        self._flow_run.note_caller()

    def _leave(self) -> None:
        self._flow_run.abandon()

    def _forget(self) -> None:
        self._flow_run.abandon_soon()
