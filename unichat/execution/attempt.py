"""Attempts and retries: one operation, from its start to its one end.

Theory of operation
-------------------
An operation is run by an `OperationRun`, which holds what the run reserves and must release, and the facts for its
record. It does no I/O; the program in `program` drives it:

    start ─> reserve ─> admit ─> (the transport) ─> end_attempt ─> next_wait ─┬─> finish
              ^                                                               │
              └───────────────────────── wait, and once more ─────────────────┘

- `reserve` takes a time from the pacer, and `admit` asks the circuit breaker. Either may refuse; the refusal is judged
  as any failed attempt.
- What the transport returned is judged by the pure functions of `policy.judge`: the result is `Done`, or `Failed` with
  an error and whether the request may be sent again.
- `end_attempt` records the attempt and reports it to breaker, pacer, tokens and hooks. An attempt that was
  interrupted, by Ctrl-C or a cancelled task, says nothing about the vendor: the breaker forgets it.
- `next_wait` asks `policy.retry`, where tenacity decides. It may charge the retry budget.
- `finish` is called once, with what ended the run: a result, a failure, an error that was raised before there was a
  verdict (the client was closed, or no token could be obtained), or an exception that is not ours. It releases what was
  reserved and charged for an attempt that is not made, completes the record, and tells call, log and hooks.

A stream's run continues after its program has ended: `hand_over` gives it to the stream, whose end is then the run's.
So a stream that breaks, is abandoned by its consumer, or is forgotten, ends as every run does: by `finish`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from unichat.adapter import Operation, Replay, Reply, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import RateLimited, StreamInterrupted, UnichatError
from unichat.execution.call import Call
from unichat.execution.call_log import log_error, log_wait
from unichat.execution.context import Context
from unichat.execution.http_request import build_request
from unichat.execution.record_builder import RecordBuilder
from unichat.policy.failures import Retry
from unichat.policy.judge import Done, Failed, Judge, name_outcome, request_id_in
from unichat.policy.mistakes import call_adapter
from unichat.policy.pacing import Reservation
from unichat.policy.redaction import secrets_in_body
from unichat.policy.retry import Retries
from unichat.record import CallRecord
from unichat.transport.base import HttpRequest, TransportFailure

T = TypeVar("T")
R = TypeVar("R")


class OperationRun(Generic[T]):
    """One operation's attempts. See the top of this module.

    Attributes:
        facts: the facts for the record.
        signatures: how the last request was signed; empty where it was not, or has not been yet.
    """

    __slots__ = (
        "__weakref__", "_can_refresh", "_generation", "_reservation", "_retries", "_state",
        "call", "context", "facts", "operation", "signatures",
    )  # fmt: skip

    def __init__(self, operation: Operation[T] | StreamOperation[T], call: Call, context: Context) -> None:
        self.operation = operation
        self.call = call
        self.context = context
        self.facts = RecordBuilder(operation, call.deadline, f"{random.getrandbits(32):08x}", context.profile)
        self.signatures: tuple[Signature, ...] = ()
        self._can_refresh = operation.signed and context.signing.renewable
        self._reservation: Reservation | None = None
        self._generation = 0
        self._retries: Retries | None = None
        self._state = "new"

    @property
    def judge(self) -> Judge[T]:
        """What judges the attempts, by the deadline and the credentials of now."""
        # Made for each use: the two would hold each other, and the objects of every call would wait for the garbage
        # collector.
        policy, deadline = self.context.policy, self.call.deadline
        return Judge(self.operation, policy, deadline, self.facts.call_id, self.redact, self._can_refresh)

    @property
    def _is_question(self) -> bool:
        return self.operation.replay is Replay.ASK

    def start(self) -> None:
        """Start the run."""
        if self.call.lost and self._is_question:
            # Asked again within one call: the record has both, and the answer may be the second one.
            self.facts.attempts, self.facts.maybe_duplicated = list(self.call.lost), True
        self._state = "running"
        if self.context.hooks:
            self.context.hooks.notify("started", self.facts.build())

    def reserve(self) -> float | Failed:
        """Return how many seconds to wait before the next attempt, or why there will be none in time."""
        pacer = self.context.pacer
        if pacer is None:
            return 0.0
        self._reservation = pacer.reserve(self.call.deadline.remaining())
        if self._reservation is None:
            rate = self.context.policy.rate
            return self._refuse(TransportFailure("paced", f"the rate of {rate} leaves no time for it"))
        return self._reservation.wait

    def admit(self) -> Failed | None:
        """Return why the attempt may not be made, or None if it is made now; `end_attempt` must follow."""
        deadline = self.call.deadline
        if deadline.remaining() <= 0:
            return self._refuse(TransportFailure("deadline", "before sending", delivered=False))
        breaker = self.context.breaker
        if breaker is not None:
            self._generation, reopens_in = breaker.admit(self)
            if reopens_in is not None:
                return self.judge.circuit_open(reopens_in)
        self._reservation = None
        if self._retries is not None:
            self._retries.commit_charge()
        return None

    def _refuse(self, failure: TransportFailure) -> Failed:
        failed = self.judge.failure(failure)
        self.facts.add_failure(failed)
        return failed

    def request(self) -> HttpRequest:
        """Return the request as the transport is to send it."""
        return build_request(self.operation, self.signatures, self.context)

    def sign(self, signatures: tuple[Signature, ...]) -> None:
        """Take down how the next request is signed.

        Raises:
            AdapterError: the request has a header of its own where a credential's stands.
        """
        self.signatures = self.call.signatures = signatures
        if self.operation.request.headers:
            self.call_adapter(
                "set a header that it must not set",
                lambda: self.context.signing.check_request(self.operation.request, signatures),
            )

    def call_adapter(self, mistake: str, function: Callable[[], R]) -> R:
        """Call a function that runs the adapter's code; `mistake` is what it did where it raises a `MISTAKES`."""
        backend, name = self.operation.backend, self.operation.name
        return call_adapter(mistake, function, self.redact, backend=backend, operation=name)

    def redact(self, text: str) -> str:
        """Return a vendor's text without the secrets that were sent to it."""
        in_body = () if self.operation.signed else secrets_in_body(self.operation.request)
        return self.context.redaction(self.signatures, in_body)(text)

    def judge_result(self, result: Reply | TransportFailure) -> Done[T] | Failed:
        """Judge the result of a `Send`."""
        if isinstance(result, TransportFailure):
            return self.judge.failure(result)
        self.note_head(result.status, result.headers)
        return self.judge.reply(result)

    def note_head(self, status: int, headers: Any) -> None:
        """Note the head of a response."""
        request_id = request_id_in(headers)
        self.facts.add_head(status, None if request_id is None else self.redact(request_id))

    def end_attempt(self, began: float, outcome: Done[Any] | Failed | None) -> None:
        """Record an attempt that began `began` seconds into the call; no outcome: it was interrupted."""
        context = self.context
        error = outcome.error if isinstance(outcome, Failed) else None
        if outcome is None:
            self.facts.add_attempt(began, "cancelled")
        else:
            self.facts.add_attempt(began, name_outcome(error), True if error is None else error.maybe_delivered)
        if context.breaker is not None:
            if outcome is None:
                context.breaker.abandon(self._generation)
            else:
                context.breaker.report(error, self._generation)
        if context.pacer is not None and outcome is not None:
            if isinstance(error, RateLimited):
                context.pacer.slow_down()
            elif error is None:
                context.pacer.speed_up()
        if isinstance(outcome, Failed):
            self.facts.add_failure(outcome)
            if outcome.refresh_token:
                context.signing.forget(self.signatures)
                # Once: a second refusal is about the account, not about the token's age.
                self._can_refresh = False
        if context.hooks:
            context.hooks.notify("attempted", self.facts.build())

    def next_wait(self, failed: Failed) -> float | None:
        """Return how many seconds to wait before another attempt, or None if there is none."""
        if failed.retry is not Retry.YES:
            return None
        if self._retries is None:
            self._retries = Retries(self.context.policy, self.call.deadline, self.context.budget)
        wait = self._retries.next_wait(failed)
        if wait is None:
            self.facts.stopped_by = self._retries.stopped_by
            return None
        self.facts.add_wait(wait)
        log_wait(self.operation, self.facts, failed.error, wait)
        return wait

    def hand_over(self) -> None:
        """Give the run to the stream that it opened, whose end is the run's."""
        self._reward_success()
        self._keep_record()
        self._state = "streaming"

    def _reward_success(self) -> None:
        if self._retries is not None:
            self._retries.reward()
        else:
            self.context.budget.give(1.0)

    def finish(
        self, outcome: Done[Any] | Failed | BaseException, *, stopped_by: str | None = None
    ) -> UnichatError | None:
        """End the run, the first time that it is called.

        Args:
            outcome: what ended it: a result, a failed attempt, an error without a verdict on an attempt (the client was
                closed, no token could be obtained, a stream broke), or an exception that is not ours.
            stopped_by: why there is no further attempt, where that is known already.

        Returns:
            The error to raise, with the whole record in it; None after a success, or where `outcome` itself is raised.
        """
        state, self._state = self._state, "finished"
        if state == "finished":
            return None
        self._release()
        self.facts.stopped_by = stopped_by or self.facts.stopped_by
        if isinstance(outcome, Done):
            self._succeed(state)
            return None
        error = outcome.error if isinstance(outcome, Failed) else outcome
        if not isinstance(error, UnichatError):
            self.facts.stopped_by = "cancelled"
            if state == "streaming":
                self._end_stream("cancelled")
            self._notify_end(error)
            return None
        if self.facts.complete(error, outcome) and isinstance(outcome, Failed | StreamInterrupted):
            log_error(error, self.facts, with_content=self.context.policy.log_content)
        if state == "streaming":
            if self.context.breaker is not None and self.facts.stopped_by != "cancelled":
                self.context.breaker.report(error, self._generation)
            self._end_stream("interrupted")
            self._notify_end(error)
            return error
        self._mark_possible_duplicate()
        if self._is_question and self.facts.stopped_by == "maybe_delivered":
            self._keep_record()
            self.call.lost = tuple(self.facts.attempts)
        self._notify_end(error, error.call if isinstance(outcome, Failed) else None)
        return error

    def _succeed(self, state: str) -> None:
        if state == "streaming":
            self._end_stream(self.facts.attempts[-1].outcome)
        else:
            self._reward_success()
            self._keep_record()
        self._notify_end(None)

    def _keep_record(self) -> None:
        self.call.keep(self.facts.build(), is_question=self._is_question)
        self._mark_possible_duplicate()

    def _mark_possible_duplicate(self) -> None:
        if self.facts.maybe_duplicated and self._is_question:
            self.call.maybe_duplicated = True

    def _end_stream(self, outcome: str) -> None:
        self.facts.extend_attempt(outcome)
        self._keep_record()

    def _release(self) -> None:
        """Release what was reserved for an attempt that will not be made."""
        if self._retries is not None:
            self._retries.refund()
        reservation, self._reservation = self._reservation, None
        if reservation is not None and self.context.pacer is not None:
            self.context.pacer.release(reservation)

    def _notify_end(self, error: BaseException | None, record: CallRecord | None = None) -> None:
        if self.context.hooks:
            record = record or self.facts.build(error if isinstance(error, UnichatError) else None)
            self.context.hooks.notify("finished", record, error)
