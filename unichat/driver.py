"""Runs flows and operations, synchronously: sends, judges, waits, sends again, and holds what must not overlap."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import define

from unichat.adapter import Credential
from unichat.credentials import Tokens
from unichat.errors import DeadlineExceeded, InvalidInput, UnichatError
from unichat.operation import Flow, Hold, Operation, Replay, Reply, Request, StreamOperation
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure
from unichat.policy.retrying import Attempts, Clock, Done, Failed, Policy
from unichat.record import CallRecord
from unichat.streams import Stream

if TYPE_CHECKING:
    from unichat.transport.on_requests import OpenReply, Signature

T = TypeVar("T")

_SILENCE = 60.0
"""Seconds that a stream may be silent."""


class Transport(Protocol):
    """What the driver needs of an HTTP library."""

    def send(self, request: Request, signature: Signature | None, deadline: Deadline) -> Reply | Failure:
        """Send once and read the whole answer."""
        ...

    def open(self, request: Request, signature: Signature | None, timeout: float) -> OpenReply | Failure:
        """Send once and return when the head of the answer is there."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


@define
class Call:
    """One neutral call, or one `run`: its deadline, and what its operations did.

    Attributes:
        record: of its question if it asked one, otherwise of its last operation.
        maybe_duplicated: whether an attempt that failed may have asked the question already.
    """

    deadline: Deadline
    record: CallRecord | None = None
    maybe_duplicated: bool = False
    _asked: bool = False

    def note(self, attempts: Attempts[Any]) -> None:
        """Keep the record of an operation that succeeded."""
        asking = attempts.operation.replay is Replay.ASK
        if asking or not self._asked:
            self.record = attempts.record()
        self._asked = self._asked or asking
        self.maybe_duplicated = self.maybe_duplicated or (asking and attempts.maybe_duplicated)


class Driver:
    """Runs operations over one transport, with one policy and one credential. Safe to share between threads."""

    def __init__(
        self, transport: Transport, credential: Credential, policy: Policy, clock: Clock | None = None
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._closed = threading.Event()
        # Closing the client ends a wait at once.
        self._clock = clock or Clock(sleep=lambda seconds: self._check_open() if self._closed.wait(seconds) else None)
        self._tokens = Tokens(credential, self._clock.monotonic)
        self._holds = _Holds()

    def call(self, deadline: float | None, *, asking: bool) -> Call:
        """Begin a call: `deadline` in seconds, else the policy's, else 120 for questions and 30 for the rest."""
        seconds = deadline or self._policy.deadline or (120.0 if asking else 30.0)
        return Call(Deadline(seconds, self._clock.monotonic))

    def complete(self, flow: Flow[T], call: Call) -> T:
        """Run `flow` to its end and return its result."""
        with ExitStack() as held:
            result: Any = None
            error: UnichatError | None = None
            while True:
                try:
                    step = flow.send(result) if error is None else flow.throw(error)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                result = error = None
                if isinstance(step, Hold):
                    held.enter_context(self._holds.alone_with(step.key, call.deadline))
                    continue
                try:
                    result = self.run(step, call)
                except UnichatError as failure:
                    error = failure

    def run(self, operation: Operation[T], call: Call) -> T:
        """Run one operation and return its result, or raise the error that stands at the end of its attempts."""
        result: T = self._retried(operation, call, self._send)
        return result

    def open(self, operation: StreamOperation[T], call: Call) -> Stream[T]:
        """Open a stream, with its first event in hand: until then, and only until then, it may be tried again."""
        stream: Stream[T] = self._retried(operation, call, self._open)
        return stream

    def _retried(self, operation: Any, call: Call, attempt: Any) -> Any:
        from tenacity import Retrying

        self._check_open()
        attempts: Attempts[Any] = Attempts(
            operation, self._policy, call.deadline, refreshable=operation.signed and self._tokens.renewable
        )
        outcome = Retrying(sleep=self._clock.sleep, **attempts.tenacity_options())(attempt, attempts, call)
        if isinstance(outcome, Failed):
            raise attempts.final(outcome)
        call.note(attempts)
        return outcome.value

    def _send(self, attempts: Attempts[T], call: Call) -> Done[T] | Failed:
        signature = self._signature(attempts.operation, call)
        began = call.deadline.elapsed()
        if call.deadline.left() <= 0:
            outcome: Done[T] | Failed = attempts.broken(Failure("deadline", delivered=False))
        else:
            result = self._transport.send(attempts.operation.request, signature, call.deadline)
            outcome = attempts.broken(result) if isinstance(result, Failure) else attempts.judge(result)
        self._finish(attempts, began, outcome)
        return outcome

    def _open(self, attempts: Attempts[Any], call: Call) -> Done[Stream[Any]] | Failed:
        operation = attempts.operation
        assert isinstance(operation, StreamOperation)
        signature = self._signature(operation, call)
        began = call.deadline.elapsed()
        timeout = min(_SILENCE, call.deadline.left())
        opened = self._transport.open(operation.request, signature, timeout) if timeout else Failure("deadline")
        outcome: Done[Stream[Any]] | Failed
        if isinstance(opened, Failure):
            outcome = attempts.broken(opened)
        elif not 200 <= opened.status < 300:
            outcome = _refusal(opened, attempts)
        else:
            attempts.status = opened.status
            outcome = Stream(operation, opened, attempts, call.deadline).first()
        if isinstance(outcome, Failed) and not isinstance(opened, Failure):
            opened.close()
        self._finish(attempts, began, outcome)
        return outcome

    def _finish(self, attempts: Attempts[Any], began: float, outcome: object) -> None:
        attempts.finished(began, _outcome(outcome))
        if isinstance(outcome, Failed) and outcome.refresh:
            self._tokens.forget()

    def _signature(self, operation: Operation[Any] | StreamOperation[Any], call: Call) -> Signature | None:
        from unichat.transport.on_requests import Signature

        self._check_open()
        if not operation.signed:
            return None
        # A call of its own under the same deadline: the record that an answer carries is that of the question.
        return Signature(self._tokens.header, self.complete(self._tokens.header_value(), Call(call.deadline)))

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise InvalidInput("the client is closed", hint="Make a new one with unichat.connect.")

    def close(self) -> None:
        """Close the connections and end all waits. Closing twice is fine."""
        self._closed.set()
        self._transport.close()


def _outcome(outcome: object) -> str:
    if isinstance(outcome, Done):
        return "ok"
    assert isinstance(outcome, Failed)
    error = outcome.error
    kind = getattr(error, "kind", None)
    return f"HTTP {error.status}" if error.status and kind is None else kind or type(error).__name__


def _refusal(opened: OpenReply, attempts: Attempts[Any]) -> Failed:
    """Read the body of an error status and judge it as any other answer."""
    body = bytearray()
    for piece in opened.pieces:
        if isinstance(piece, Failure) or len(body) > 65_536:
            break
        body += piece
    judged = attempts.judge(Reply(opened.status, opened.headers, bytes(body)))
    assert isinstance(judged, Failed)
    return judged


class _Holds:
    """Locks by key, kept only while somebody holds or awaits them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    @contextmanager
    def alone_with(self, key: Hashable, deadline: Deadline) -> Iterator[None]:
        with self._guard:
            lock, waiting = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, waiting + 1)
        try:
            if not lock.acquire(timeout=deadline.left()):
                raise DeadlineExceeded(
                    f"another call in the same conversation was still running after {deadline.seconds:g} s",
                    hint="Wait for its answer, or allow more with deadline=.",
                    deadline=deadline.seconds,
                    maybe_delivered=False,
                )
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, waiting = self._locks.pop(key)
                if waiting > 1:
                    self._locks[key] = (lock, waiting - 1)
