"""Runs flows and operations synchronously: sends, waits, sends again, and holds what must not overlap."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import Any, TypeVar

from unichat.adapter import Exclusive, FetchToken, Flow, Operation, PolicySettings, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import UnichatError
from unichat.execution.engine import Call, Engine, busy, closed, is_careful
from unichat.execution.live_stream import REFUSAL_LIMIT, Stream, not_begun, refused
from unichat.execution.tokens import call_provider
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.transport.base import Clock, Deadline, OpenReply, Pieces, Transport, TransportFailure

T = TypeVar("T")


class Driver:
    """Runs operations over one transport. Safe to share between threads."""

    def __init__(self, transport: Transport, engine: Engine, clock: Clock | None = None) -> None:
        self.engine = engine
        self._transport = transport
        self._closed = threading.Event()
        self._sleep = clock.sleep if clock else self._wait
        self._holds = _Holds()

    def _wait(self, seconds: float) -> None:
        # Closing the client ends a wait at once.
        if self._closed.wait(seconds):
            raise closed()

    def with_policy(self, policy: PolicySettings) -> Driver:
        """Return a driver with another policy that shares everything else, the connections included."""
        sibling = copy(self)
        sibling.engine = self.engine.with_policy(policy)
        return sibling

    def complete(self, flow: Flow[T], call: Call) -> T:
        """Run `flow` to its end and return its result."""
        held: ExitStack | None = None
        result: Any = None
        failure: UnichatError | None = None
        try:
            while True:
                try:
                    step = flow.send(result) if failure is None else flow.throw(failure)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                result = failure = None
                if isinstance(step, Exclusive):
                    # Few flows hold anything.
                    held = held or ExitStack()
                    held.enter_context(self._holds.alone_with(step, call.deadline))
                    continue
                if isinstance(step, FetchToken):
                    result = call_provider(step.provider)
                    continue
                try:
                    result = self.run(step, call) if isinstance(step, Operation) else self.open(step, call)
                except UnichatError as error:
                    failure = error
        except UnichatError as error:
            raise call.name(error) from None
        finally:
            if held is not None:
                held.close()

    def run(self, operation: Operation[T], call: Call) -> T:
        """Run one operation and return its result, or raise the error that stands at the end of its attempts."""
        result: T = self._retried(operation, call, self._send)
        return result

    def open(self, operation: StreamOperation[T], call: Call) -> Stream[T]:
        """Open a stream, with its first event in hand: until then, and only until then, it may be tried again."""
        stream: Stream[T] = self._retried(operation, call, self._open)
        return stream

    def _retried(self, operation: Any, call: Call, attempt: Any) -> Any:
        self.check_open()
        attempts = self.engine.begin(operation, call)
        try:
            outcome = self._admitted(attempt, attempts, call)
            if isinstance(outcome, Failed) and outcome.again:
                outcome = self._again(outcome, attempt, attempts, call)
        except UnichatError as error:
            # No verdict on the last attempt: the client was closed, or no token was to be had.
            raise self.engine.broke_off(attempts, error) from None
        except BaseException as error:
            self.engine.gave_up(attempts, error)
            raise
        return self.engine.conclude(attempts, call, outcome)

    def _again(self, failed: Failed, attempt: Any, attempts: Attempts[Any], call: Call) -> Done[Any] | Failed:
        """Have tenacity judge the first attempt's failure, and make the attempts that it allows."""
        # Only now: most calls succeed at once, and tenacity costs more than all else that is done for them.
        from tenacity import Retrying

        made = [failed]
        retrying = Retrying(sleep=self._sleep, **attempts.tenacity_options())
        outcome: Done[Any] | Failed = retrying(lambda: made.pop() if made else self._admitted(attempt, attempts, call))
        return outcome

    def _admitted(self, attempt: Any, attempts: Attempts[Any], call: Call) -> Done[Any] | Failed:
        """Make one attempt, if pace and breaker let it through."""
        wait = self.engine.turn(attempts, call)
        if isinstance(wait, Failed):
            return wait
        if wait:
            self._sleep(wait)
        # Before the clock of the attempt starts: fetching a token is a call of its own.
        self.check_open()
        tokens, signature = self.engine.tokens, None
        if attempts.operation.signed:
            # A call of its own under the same deadline: the record that an answer carries is that of the question.
            signature = tokens.fixed or self.complete(tokens.signature(), Call(call.deadline))
        attempts.signature = signature
        if call.deadline.remaining() <= 0:
            return attempts.broken(TransportFailure("deadline", "before sending", delivered=False))
        refused = self.engine.admit(attempts)
        if refused is not None:
            return refused
        began = call.deadline.elapsed()
        try:
            outcome: Done[Any] | Failed = attempt(attempts, call, signature)
        except BaseException:
            self.engine.abandon(attempts, began)
            raise
        self.engine.learn(attempts, began, outcome)
        return outcome

    def _send(self, attempts: Attempts[T], call: Call, signature: Signature | None) -> Done[T] | Failed:
        operation = attempts.operation
        assert isinstance(operation, Operation)
        result = self._transport.send(
            operation.request,
            signature,
            call.deadline,
            limit=self.engine.policy.body_limit,
            careful=is_careful(operation),
        )
        return attempts.broken(result) if isinstance(result, TransportFailure) else attempts.judge(result)

    def _open(self, attempts: Attempts[Any], call: Call, signature: Signature | None) -> Done[Stream[Any]] | Failed:
        operation = attempts.operation
        assert isinstance(operation, StreamOperation)
        policy = self.engine.policy
        opened = self._transport.open(operation.request, signature, call.deadline, silence=policy.first_event_timeout)
        if isinstance(opened, TransportFailure):
            return attempts.broken(not_begun(opened))
        outcome: Done[Stream[Any]] | Failed
        try:
            if 200 <= opened.status < 300:
                outcome = Stream(operation, opened, attempts, policy).first()
            else:
                outcome = _refusal(opened, attempts)
        except BaseException:
            opened.close()
            raise
        if isinstance(outcome, Failed):
            opened.close()
        return outcome

    def check_open(self) -> None:
        """Refuse anything after `close`."""
        if self._closed.is_set():
            raise closed()

    def close(self) -> None:
        """Close the connections and end all waits and calls. Closing twice is fine."""
        self._closed.set()
        self._transport.close()


def _refusal(opened: OpenReply[Pieces], attempts: Attempts[Any]) -> Failed:
    """Read the body of an error status and judge it as any other answer."""
    body = bytearray()
    for piece in opened.pieces:
        if isinstance(piece, TransportFailure) or len(body) > REFUSAL_LIMIT or attempts.deadline.remaining() <= 0:
            break
        body += piece
    return refused(opened, bytes(body), attempts)


class _Holds:
    """Locks by key, kept only while somebody holds or awaits them."""

    def __init__(self) -> None:
        self._forget()
        _all_holds.add(self)

    def _forget(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    @staticmethod
    def forget_all() -> None:
        """Free all locks, in a child after a fork: the threads that hold them are its parent's, and never let go."""
        for holds in tuple(_all_holds):
            holds._forget()

    @contextmanager
    def alone_with(self, hold: Exclusive, deadline: Deadline) -> Iterator[None]:
        key = hold.key
        with self._guard:
            lock, waiting = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, waiting + 1)
        try:
            if not lock.acquire(timeout=deadline.remaining()):
                raise busy(hold.waiting_for, deadline)
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, waiting = self._locks.pop(key)
                if waiting > 1:
                    self._locks[key] = (lock, waiting - 1)


_all_holds: weakref.WeakSet[_Holds] = weakref.WeakSet()
os.register_at_fork(after_in_child=_Holds.forget_all)
