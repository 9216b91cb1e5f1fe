"""Attempts and retries: one operation on its way, from its start to its one end.

Theory of operation
-------------------
An operation is run by an `OperationRun`, which holds all that the run takes and must give back, and the facts that its
record is made of. It does no I/O; the program in `program` drives it:

    start ─> reserve ─> admit ─> (the transport) ─> end_attempt ─> next_wait ─┬─> finish
              ^                                                               │
              └───────────────────────── wait, and once more ─────────────────┘

- `reserve` takes a time from the pacer, and `admit` asks the circuit breaker. Either may refuse; the refusal is judged
  as any failed attempt.
- What the transport brought is judged by the pure functions of `policy.judge`: the result is `Done`, or `Failed` with
  an error and whether the request may be sent again.
- `end_attempt` puts the attempt on the record and tells breaker, pacer, tokens and hooks of it. An attempt that was
  interrupted, by Ctrl-C or a cancelled task, says nothing about the vendor: the breaker forgets it.
- `next_wait` asks `policy.retry`, where tenacity decides. It may charge the retry budget.
- `finish` is called once, with whatever ended the run: a result, a failure, an error that was raised before there was a
  verdict (the client was closed, no token was to be had), or an exception that is not ours. It gives back what was
  reserved and charged for an attempt that is not made, completes the record, and tells call, log and hooks.

A stream's run goes on after its program has ended: `hand_over` gives it to the stream, whose end is then the run's. So
a stream that breaks, is left by its consumer, or is forgotten, ends as anything else does: by `finish`.
"""

from __future__ import annotations

import secrets
from typing import Any, Generic, TypeVar

from attrs import evolve

from unichat._text.log import log
from unichat.adapter import Operation, Replay, Reply, StreamFailure, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import InvalidInput, RateLimited, StreamInterrupted, UnichatError
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.policy.failures import Retry
from unichat.policy.judge import Done, Failed, Judge, VendorReport, name_outcome, name_stop, request_id_in
from unichat.policy.pacing import Reservation
from unichat.policy.redaction import redaction_of, secrets_in_body
from unichat.policy.retry import Retries
from unichat.record import Attempt, CallRecord
from unichat.transport.base import HttpRequest, TransportFailure

T = TypeVar("T")


class OperationRun(Generic[T]):
    """One operation's attempts. See the top of this module.

    Attributes:
        call_id: stands in every log line.
        attempts: those that were made, oldest first.
        signature: how the last request was signed; None where it was not, or has not been yet.
        maybe_duplicated: whether an attempt that failed may have been acted on.
        stopped_by: why there was no further attempt.
    """

    __slots__ = (
        "_generation", "_phase", "_request_id", "_reservation", "_retries", "_state", "_status", "_vendor", "attempts",
        "call", "call_id", "context", "judge", "maybe_duplicated", "operation", "signature", "stopped_by",
    )  # fmt: skip

    def __init__(self, operation: Operation[T] | StreamOperation[T], call: Call, context: Context) -> None:
        self.operation = operation
        self.call = call
        self.context = context
        self.call_id = secrets.token_hex(4)
        self.attempts: list[Attempt] = []
        self.signature: Signature | None = None
        self.maybe_duplicated = False
        self.stopped_by: str | None = None
        refreshable = operation.signed and context.tokens.renewable
        self.judge = Judge(operation, context.policy, call.deadline, self.call_id, self.redact, refreshable)
        self._status: int | None = None
        self._request_id: str | None = None
        self._phase = ""
        self._vendor = _NO_REPORT
        self._reservation: Reservation | None = None
        self._generation = 0
        self._retries: Retries | None = None
        self._state = "new"

    def start(self) -> None:
        """Begin."""
        if self.call.lost and self.operation.replay is Replay.ASK:
            # Asked again within one call: the record tells both, and what comes of it may be the second answer.
            self.attempts, self.maybe_duplicated = list(self.call.lost), True
        self._state = "running"
        if self.context.hooks:
            self.context.hooks.notify("started", self.record())

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
            self._generation, reopens_in = breaker.admit()
            if reopens_in is not None:
                return self.judge.circuit_open(reopens_in)
        self._reservation = None
        if self._retries is not None:
            self._retries.made()
        return None

    def _refuse(self, failure: TransportFailure) -> Failed:
        failed = self.judge.failure(failure)
        self._note_failure(failed)
        return failed

    def request(self) -> HttpRequest:
        """Return the request as the transport is to send it."""
        operation = self.operation
        request = operation.request
        headers = {"Accept": "application/json" if isinstance(operation, Operation) else "*/*"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if self.signature is not None:
            headers[self.signature.header] = self.signature.value
        idempotent = operation.replay not in (Replay.ASK, Replay.INSERT)
        return HttpRequest(request.method, self.context.base_url, request.target, headers, request.body, idempotent)

    def redact(self, text: str) -> str:
        """Return what the vendor says without the secrets that it was told."""
        known = [self.signature.secret] if self.signature is not None else secrets_in_body(self.operation.request)
        return redaction_of(*known)(text)

    def judge_result(self, result: Reply | TransportFailure) -> Done[T] | Failed:
        """Return what the result of a `Send` amounts to."""
        if isinstance(result, TransportFailure):
            return self.judge.failure(result)
        self.note_head(result.status, result.headers)
        return self.judge.reply(result)

    def note_head(self, status: int, headers: Any) -> None:
        """Take down the head of an answer."""
        self._status = status
        self._phase = "body"
        request_id = request_id_in(headers)
        self._request_id = None if request_id is None else self.redact(request_id)

    def end_attempt(self, began: float, outcome: Done[Any] | Failed | None) -> None:
        """Put an attempt on the record that began `began` seconds into the call; no outcome: it was interrupted."""
        context = self.context
        error = None
        name = "cancelled"
        if outcome is not None:
            error = outcome.error if isinstance(outcome, Failed) else None
            name = name_outcome(error)
        self.attempts.append(Attempt(len(self.attempts) + 1, began, self.call.deadline.elapsed() - began, name))
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
            self._note_failure(outcome)
        if context.hooks:
            context.hooks.notify("attempted", self.record())

    def _note_failure(self, failed: Failed) -> None:
        if failed.phase is not None:
            self._phase = failed.phase
        if failed.vendor is not None:
            self._vendor = failed.vendor
        if failed.retry is Retry.YES and failed.error.maybe_delivered:
            self.maybe_duplicated = True
        if failed.refresh_token:
            self.context.tokens.forget(self.signature)
            # Once: a second refusal is about the account, not about the token's age.
            self.judge = evolve(self.judge, refreshable=False)

    def next_wait(self, failed: Failed) -> float | None:
        """Return how many seconds to wait before another attempt, or None if there is none."""
        if failed.retry is not Retry.YES:
            return None
        if self._retries is None:
            self._retries = Retries(self.context.policy, self.call.deadline, self.context.budget)
        wait = self._retries.next_wait(failed)
        if wait is None:
            self.stopped_by = self._retries.stopped_by
            return None
        if self.attempts:
            self.attempts[-1] = evolve(self.attempts[-1], waited=wait)
            log.info(
                "%s %s [%s]: attempt %d: %s; waiting %.2f s",
                self.operation.backend,
                self.operation.name,
                self.call_id,
                len(self.attempts),
                self.attempts[-1].outcome,
                wait,
            )
        return wait

    def hand_over(self) -> None:
        """Give the run to the stream that it opened, whose end is the run's."""
        self._reward_success()
        self._state = "streaming"

    def _reward_success(self) -> None:
        if self._retries is not None and len(self.attempts) > 1:
            self._retries.reward()
        else:
            self.context.budget.give(1.0)

    def finish(
        self, outcome: Done[Any] | Failed | BaseException, *, stopped_by: str | None = None
    ) -> UnichatError | None:
        """End the run, the first time that it is called.

        Args:
            outcome: what ended it: a result, a failed attempt, an error without a verdict on an attempt (the client was
                closed, no token was to be had, a stream broke), or an exception that is not ours.
            stopped_by: why there is no further attempt, where that is known already.

        Returns:
            The error to raise, with the whole record in it; None after a success, or where `outcome` itself is raised.
        """
        state, self._state = self._state, "finished"
        if state == "finished":
            return None
        self._give_back()
        self.stopped_by = stopped_by or self.stopped_by
        if isinstance(outcome, Done):
            self._succeed(state)
            return None
        error = outcome.error if isinstance(outcome, Failed) else outcome
        if not isinstance(error, UnichatError):
            self.stopped_by = "cancelled"
            if state == "streaming":
                self._end_stream("cancelled")
            self._notify_end(error)
            return None
        self._complete(error, outcome)
        if state == "streaming":
            if self.context.breaker is not None and self.stopped_by != "cancelled":
                self.context.breaker.report(error, self._generation)
            self._end_stream("interrupted")
            self._notify_end(error)
            return error
        self.call.mark_possible_duplicate(self)
        self.call.record_lost(self)
        self._notify_end(error, error.call if isinstance(outcome, Failed) else None)
        return error

    def _succeed(self, state: str) -> None:
        if state == "streaming":
            self._end_stream(self.attempts[-1].outcome)
        else:
            self._reward_success()
            self.call.record_success(self)
        self._notify_end(None)

    def _give_back(self) -> None:
        """Give back what was taken for an attempt that will not be made."""
        if self._retries is not None:
            self._retries.refund()
        reservation, self._reservation = self._reservation, None
        if reservation is not None and self.context.pacer is not None:
            self.context.pacer.give_back(reservation)

    def _end_stream(self, outcome: str) -> None:
        """Complete the last attempt, which lasts as long as its stream, and keep the record."""
        last = self.attempts[-1]
        self.attempts[-1] = evolve(last, elapsed=self.call.deadline.elapsed() - last.started, outcome=outcome)
        self.call.record_success(self)

    def _complete(self, error: UnichatError, outcome: object) -> None:
        """Put the record into an error, with the doubts of all attempts."""
        if isinstance(outcome, Failed):
            if outcome.cancelled:
                self.stopped_by = "cancelled"
            elif self.stopped_by is None:
                self.stopped_by = name_stop(outcome)
        elif self.stopped_by is None:
            # Without a verdict on an attempt: the client was closed, or the token that it needs was not to be had.
            closed = isinstance(error, InvalidInput)
            self.stopped_by = "cancelled" if closed else error.stopped_by or name_stop(Failed(error))
        if error.call is not None:
            # That of the token's fetching, which failed, tells the story.
            return
        if self.maybe_duplicated:
            # An earlier attempt may have been acted on, whatever became of the last.
            error.maybe_delivered = True
        error.call = self.record(error)
        if isinstance(outcome, Failed) or isinstance(error, StreamInterrupted):
            self._log(error)

    def _log(self, error: UnichatError) -> None:
        line = str(error)
        words = self._vendor.message
        if words and not self.context.policy.log_content:
            # A vendor that refuses a question may quote it.
            line = line.replace(words, "(the vendor's words: see log_content)")
        log.warning("%s [%s]", line, self.call_id, extra={"unichat_error": error})

    def _notify_end(self, error: BaseException | None, record: CallRecord | None = None) -> None:
        if self.context.hooks:
            record = record or self.record(error if isinstance(error, UnichatError) else None)
            self.context.hooks.notify("finished", record, error)

    def explain_stream_failure(self, failure: StreamFailure) -> str:
        """Return why a stream cannot go on, and take down the vendor's own words."""
        reason = self.redact(failure.reason)
        if failure.kind == "vendor":
            self._vendor = evolve(self._vendor, message=reason)
        return reason

    @property
    def status(self) -> int | None:
        """The last HTTP status; None where no answer came."""
        return self._status

    def record(self, error: UnichatError | None = None) -> CallRecord:
        """Return the record of the run so far; `error`: the one that ends it."""
        return CallRecord(
            backend=self.operation.backend,
            operation=self.operation.name,
            call_id=self.call_id,
            status=self._status,
            envelope_status=self._vendor.envelope_status,
            request_id=self._request_id,
            vendor_code=self._vendor.code,
            vendor_message=self._vendor.message,
            attempts=tuple(self.attempts),
            elapsed=self.call.deadline.elapsed(),
            phase=self._phase,
            maybe_delivered=error.maybe_delivered if error else bool(self.attempts),
            retryable=error.retryable if error else False,
            retry_after=error.retry_after if error else None,
            stopped_by=self.stopped_by,
        )


_NO_REPORT = VendorReport()
