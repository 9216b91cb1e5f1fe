"""Runs flows and operations, synchronously: sends, judges, waits, sends again, and holds what must not overlap."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import define

from unichat.adapter import Credential
from unichat.credentials import Tokens
from unichat.errors import DeadlineExceeded, InvalidInput, RateLimited, UnichatError
from unichat.hooks import Hook, Hooks
from unichat.operation import Flow, Hold, Operation, Replay, Reply, Request, StreamOperation
from unichat.policy.breaker import Breaker
from unichat.policy.budget import Budget
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure
from unichat.policy.pacing import Pacer
from unichat.policy.retrying import Attempts, Clock, Done, Failed
from unichat.record import CallRecord
from unichat.settings import PolicySettings
from unichat.streams import Stream

if TYPE_CHECKING:
    from unichat.transport.on_requests import OpenReply, Signature

T = TypeVar("T")


class Transport(Protocol):
    """What the driver needs of an HTTP library. Neither method raises for what the network or the vendor does."""

    def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int, careful: bool
    ) -> Reply | Failure:
        """Send once and read the whole answer, of at most `limit` bytes.

        Args:
            careful: do not use a kept connection that the server may be about to close.
        """
        ...

    def open(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, silence: float
    ) -> OpenReply | Failure:
        """Send once and return when the head of the answer is there; `silence` is in seconds, until the first event."""
        ...

    def close(self) -> None:
        """Close all connections, and end what is running."""
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
        self,
        transport: Transport,
        credential: Credential,
        policy: PolicySettings,
        *,
        clock: Clock | None = None,
        pacer: Pacer | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._closed = threading.Event()
        # Closing the client ends a wait at once.
        self._clock = clock or Clock(sleep=lambda seconds: self._check_open() if self._closed.wait(seconds) else None)
        self._tokens = Tokens(credential, self._clock.monotonic)
        self._holds = _Holds()
        self._budget = Budget(policy.retry_budget)
        self._breaker = _breaker(policy, self._clock)
        self._pacer = pacer
        self._hooks = Hooks(hooks)

    def with_policy(self, policy: PolicySettings) -> Driver:
        """Return a driver with another policy that shares everything else: connections, token, budget, breaker."""
        sibling = copy(self)
        sibling._policy = policy
        return sibling

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
                    result = self.run(step, call) if isinstance(step, Operation) else self.open(step, call)
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
            operation,
            self._policy,
            call.deadline,
            self._budget,
            refreshable=operation.signed and self._tokens.renewable,
        )
        if self._hooks:
            self._hooks.tell("started", attempts.record())
        outcome = Retrying(sleep=self._clock.sleep, **attempts.tenacity_options())(
            self._admitted, attempt, attempts, call
        )
        if isinstance(outcome, Failed):
            error = attempts.final(outcome)
            if self._hooks:
                self._hooks.tell("finished", attempts.record(), error)
            raise error
        attempts.succeeded()
        call.note(attempts)
        if self._hooks:
            self._hooks.tell("finished", attempts.record(), None)
        return outcome.value

    def _admitted(self, attempt: Any, attempts: Attempts[Any], call: Call) -> Done[Any] | Failed:
        """Make one attempt, if breaker and pace let it through."""
        refused = self._refused(attempts, call)
        if refused is not None:
            return refused
        # Before the clock of the attempt starts: fetching a token is a call of its own.
        signature = self._signature(attempts.operation, call)
        began = call.deadline.elapsed()
        try:
            outcome: Done[Any] | Failed = attempt(attempts, call, signature)
        except BaseException:
            # Ctrl-C: no verdict on the vendor, but a probe that is over all the same.
            if self._breaker is not None:
                self._breaker.abandon()
            raise
        error = outcome.error if isinstance(outcome, Failed) else None
        attempts.finished(began, _outcome(error))
        self._learn(error)
        if isinstance(outcome, Failed) and outcome.refresh:
            self._tokens.forget()
        if self._hooks:
            self._hooks.tell("attempted", attempts.record())
        return outcome

    def _refused(self, attempts: Attempts[Any], call: Call) -> Failed | None:
        wait = self._pacer.reserve(call.deadline.left()) if self._pacer is not None else 0.0
        if wait is None:
            return attempts.broken(Failure("paced", f"the rate of {self._policy.rate} leaves no turn in time"))
        if wait:
            self._clock.sleep(wait)
        reopens_in = self._breaker.refuses() if self._breaker is not None else None
        if reopens_in is not None:
            return attempts.circuit_open(reopens_in)
        return None

    def _learn(self, error: UnichatError | None) -> None:
        if self._breaker is not None:
            self._breaker.report(error)
        if self._pacer is not None:
            if isinstance(error, RateLimited):
                self._pacer.refused()
            elif error is None:
                self._pacer.passed()

    def _send(self, attempts: Attempts[T], call: Call, signature: Signature | None) -> Done[T] | Failed:
        operation = attempts.operation
        result = self._transport.send(
            operation.request,
            signature,
            call.deadline,
            limit=self._policy.body_limit,
            careful=operation.replay in (Replay.ASK, Replay.INSERT),
        )
        return attempts.broken(result) if isinstance(result, Failure) else attempts.judge(result)

    def _open(self, attempts: Attempts[Any], call: Call, signature: Signature | None) -> Done[Stream[Any]] | Failed:
        operation = attempts.operation
        assert isinstance(operation, StreamOperation)
        policy = self._policy
        opened = self._transport.open(operation.request, signature, call.deadline, silence=policy.first_event_timeout)
        if isinstance(opened, Failure):
            return attempts.broken(opened)
        outcome: Done[Stream[Any]] | Failed
        if 200 <= opened.status < 300:
            outcome = Stream(operation, opened, attempts, policy).first()
        else:
            outcome = _refusal(opened, attempts)
        if isinstance(outcome, Failed):
            opened.close()
        return outcome

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
        """Close the connections and end all waits and calls. Closing twice is fine."""
        self._closed.set()
        self._transport.close()


def _breaker(policy: PolicySettings, clock: Clock) -> Breaker | None:
    if policy.breaker_failures is None:
        return None
    return Breaker(policy.breaker_failures, policy.breaker_reset, clock.monotonic)


def _outcome(error: UnichatError | None) -> str:
    if error is None:
        return "ok"
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
