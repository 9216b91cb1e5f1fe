"""Attempts: tenacity decides, with objects that serve the sync and the async driver alike."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from attrs import define, evolve, field, frozen

from unichat._text.log import log
from unichat._text.printable import trimmed
from unichat.adapter import ErrorResponse, Operation, PolicySettings, Replay, Reply, StreamFailure, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import (
    AccessDenied,
    CircuitOpen,
    DeadlineExceeded,
    InvalidInput,
    InvalidResponse,
    StreamInterrupted,
    UnichatError,
)
from unichat.policy import backoff as waits
from unichat.policy import failures
from unichat.policy.backoff import Backoff
from unichat.policy.budget import Budget
from unichat.policy.failures import Row
from unichat.policy.pacing import Turn
from unichat.policy.redaction import in_body, redaction_of
from unichat.record import Attempt, CallRecord
from unichat.transport.base import Deadline, TransportFailure

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


@frozen
class Done(Generic[T]):
    """An attempt that succeeded."""

    value: T


@frozen
class Failed:
    """An attempt that failed, and whether to try again.

    Attributes:
        error: what is raised if this was the last attempt.
        again: whether another attempt is allowed.
        withheld: whether one is refused only because the vendor may have acted on this one.
        refresh: whether the token should be fetched anew first.
    """

    error: UnichatError
    again: bool
    backoff: Backoff
    withheld: bool = False
    refresh: bool = False


@define
class Attempts(Generic[T]):
    """One operation's attempts: judges each, keeps the record, tells tenacity when to stop and how long to wait.

    Attributes:
        signature: how the last request was signed; None where it was not, or has not been yet.
        turn: of the pace, taken for an attempt that has not been made yet.
        era: of the circuit breaker, when the attempt began.
        at_end: to be called when a stream ends: with the error, or with None where it came to its end or was left.
    """

    operation: Operation[T] | StreamOperation[T]
    policy: PolicySettings
    deadline: Deadline
    budget: Budget
    refreshable: bool = False
    call_id: str = field(factory=lambda: secrets.token_hex(4))
    made: list[Attempt] = field(factory=list)
    maybe_duplicated: bool = False
    status: int | None = None
    envelope_status: int | None = None
    request_id: str | None = None
    vendor_code: str | None = None
    vendor_message: str = ""
    phase: str = ""
    stopped_by: str | None = None
    signature: Signature | None = None
    turn: Turn | None = None
    era: int = 0
    at_end: Callable[[BaseException | None], None] | None = None
    _cost: float = 0.0
    _owed: float = 0.0
    """What the budget was charged for a retry that has not been made yet."""

    def tenacity_options(self) -> dict[str, Any]:
        """Return the keyword arguments of `tenacity.Retrying` and `tenacity.AsyncRetrying`, `sleep` excepted."""
        from tenacity import retry_if_result, stop_any

        # In this order: it stops at the first that holds, so that the budget is charged only for a retry that will
        # really be made. tenacity has computed the wait before.
        stops: tuple[Any, ...] = (self._enough_attempts, self._too_long_a_wish, self._no_time, self._no_budget)
        return {
            "retry": retry_if_result(lambda outcome: isinstance(outcome, Failed) and outcome.again),
            "wait": self._wait,
            "stop": stop_any(*stops),
            "before_sleep": self._before_sleep,
            "retry_error_callback": lambda state: state.outcome.result(),
        }

    def _wait(self, state: RetryCallState) -> float:
        failed = _failed(state)
        # Full jitter: clients that failed together do not come back together.
        longest = waits.longest_wait(self.policy, failed.backoff, state.attempt_number)
        return max(random.uniform(0, longest), failed.error.retry_after or 0.0)  # noqa: S311

    def _enough_attempts(self, state: RetryCallState) -> bool:
        return self._stopped("attempts", state.attempt_number >= self.policy.attempts)

    def _too_long_a_wish(self, state: RetryCallState) -> bool:
        return self._stopped("retry_after", (_failed(state).error.retry_after or 0.0) > self.policy.retry_after_limit)

    def _no_time(self, state: RetryCallState) -> bool:
        return self._stopped("deadline", state.upcoming_sleep >= self.deadline.remaining())

    def _no_budget(self, state: RetryCallState) -> bool:
        backoff = _failed(state).backoff
        self._cost = backoff.cost
        if backoff is Backoff.AT_ONCE:
            return False
        taken = self.budget.take(backoff.cost)
        self._owed = backoff.cost if taken else 0.0
        return self._stopped("budget", not taken)

    def _stopped(self, by: str, stopped: bool) -> bool:
        if stopped:
            self.stopped_by = by
        return stopped

    def _before_sleep(self, state: RetryCallState) -> None:
        self.made[-1] = evolve(self.made[-1], waited=state.upcoming_sleep)
        log.info(
            "%s %s [%s]: attempt %d: %s; waiting %.2f s",
            self.operation.backend,
            self.operation.name,
            self.call_id,
            len(self.made),
            self.made[-1].outcome,
            state.upcoming_sleep,
        )

    def finished(self, began: float, outcome: str) -> Attempt:
        """Note an attempt that began `began` seconds into the call and has just ended."""
        made = Attempt(len(self.made) + 1, began, self.deadline.elapsed() - began, outcome)
        self.made.append(made)
        return made

    def judge(self, reply: Reply) -> Done[T] | Failed:
        """Return what a whole answer amounts to."""
        self.answered(reply.status, reply.headers)
        try:
            problem = self.operation.detect_error(reply)
            if problem is None:
                assert isinstance(self.operation, Operation)
                return Done(self.operation.parse(reply))
        except InvalidInput as error:
            # What the vendor sent makes no model, such as an id of a megabyte: its mistake, not the caller's.
            name = trimmed(error.message)
        except UnichatError as error:
            return self.unreadable(error)
        except Exception as error:
            # A mistake of the adapter's: callers are promised a UnichatError, and its author finds the rest in the log.
            log.debug("%s [%s]: the adapter cannot read this", self.operation.name, self.call_id, exc_info=True)
            name = type(error).__name__
        else:
            return self._refused(problem, reply)
        return self.unreadable(InvalidResponse(f"the adapter could not read the answer ({name})"))

    def answered(self, status: int, headers: Any) -> None:
        """Note the head of an answer."""
        self.status = status
        self.phase = "body"
        given = next((headers[name] for name in _REQUEST_IDS if name in headers), None)
        self.request_id = None if given is None else self._redacted(given)

    def _redacted(self, text: str) -> str:
        """Return what the vendor says without the secrets that it was told."""
        known = [self.signature.secret] if self.signature is not None else in_body(self.operation.request)
        return redaction_of(*known)(text)

    def unreadable(self, error: UnichatError) -> Failed:
        """Return what an answer amounts to that its reader refused with `error`."""
        row = failures.TABLE["unreadable"]
        # The frames of its reader hold the whole answer: a person's words, or a token.
        error.__traceback__ = None
        error.backend, error.operation = self.operation.backend, self.operation.name
        error.status = self.status
        error.message = self._redacted(error.message)
        if isinstance(error, InvalidResponse):
            # What a login answers may be the token itself.
            error.excerpt = self._redacted(error.excerpt) if self.operation.signed else ""
            error.maybe_delivered = row.delivered
            error.hint = error.hint or row.hint
        return Failed(error, again=False, backoff=row.backoff)

    def _refused(self, problem: ErrorResponse, reply: Reply) -> Failed:
        row = failures.row_for(problem.means or problem.status)
        if row.kind == "3xx":
            # The host alone: the rest of the address may hold what was asked.
            problem = evolve(problem, message=f"{problem.message} (redirect{_target(reply)})".lstrip())
        self.envelope_status = problem.envelope_status
        error = self._error(row, problem, retry_after=waits.retry_after(reply.headers))
        if isinstance(error, AccessDenied) and self.refreshable:
            # Once: a second refusal is about the account, not about the token's age.
            self.refreshable = False
            return Failed(error, again=True, backoff=Backoff.AT_ONCE, refresh=True)
        return self._failed(row, error)

    def broken(self, failure: TransportFailure) -> Failed:
        """Return what a failure without an answer amounts to."""
        if self.deadline.remaining() <= 0 and failure.kind not in ("deadline", "cancelled"):
            # It came from the deadline's cutting the attempt short, or made no difference any more.
            failure = TransportFailure("deadline", failure.detail, self._delivered(failure), failure.phase)
        self.phase = failure.phase
        row = failures.TABLE[failure.kind]
        error = self._error(row, failure)
        if isinstance(error, DeadlineExceeded):
            begun = failure.kind != "first_event"
            error.deadline = self.deadline.seconds if begun else self.policy.first_event_timeout
            if failure.kind == "deadline":
                where = failure.detail or failure.phase
                error.message = f"the deadline of {self.deadline.seconds:g} s passed"
                error.message += f" ({where})" if where else ""
        elif row.kind == "cancelled":
            self.stopped_by = "cancelled"
        return self._failed(row, error)

    def circuit_open(self, reopens_in: float) -> Failed:
        """Return what an attempt amounts to that the breaker did not let through."""
        row = failures.TABLE["circuit"]
        error = self._error(row, TransportFailure("circuit", f"for {reopens_in:.1f} s more"))
        assert isinstance(error, CircuitOpen)
        error.reopens_in = reopens_in
        return self._failed(row, error)

    @staticmethod
    def _delivered(failure: TransportFailure) -> bool | None:
        return failures.TABLE[failure.kind].delivered if failure.delivered is None else failure.delivered

    def stream_failed(self, failure: StreamFailure) -> Failed:
        """Return what a stream amounts to that failed before its first event."""
        row = failures.TABLE[{"vendor": "stream_error", "too_large": "too_large"}.get(failure.kind, "unreadable")]
        return self._failed(row, self._error(row, TransportFailure(row.kind, self.words_of(failure))))

    def words_of(self, failure: StreamFailure) -> str:
        """Return why a stream cannot go on, and note the vendor's own words."""
        words = self._redacted(failure.reason)
        if failure.kind == "vendor":
            self.vendor_message = words
        return words

    def _error(self, row: Row, failure: TransportFailure | ErrorResponse, **context: Any) -> UnichatError:
        if isinstance(failure, ErrorResponse):
            failure = evolve(failure, message=self._redacted(failure.message))
            self.vendor_message = trimmed(failure.message)
            self.vendor_code = trimmed(self._redacted(failure.code)) if failure.code else None
        return failures.error_for(
            row, failure, backend=self.operation.backend, operation=self.operation.name, **context
        )

    def _failed(self, row: Row, error: UnichatError) -> Failed:
        replay = self.operation.replay
        withheld = row.withheld(replay)
        again = row.retried(replay)
        if withheld and replay is Replay.ASK and self.policy.replay == "always":
            again, withheld = True, False
        if row.kind == "507" and not self.policy.retry_insufficient_tokens:
            again = False
        if again and error.maybe_delivered:
            self.maybe_duplicated = True
        return Failed(error, again, row.backoff, withheld=withheld)

    def succeeded(self) -> None:
        """Give back to the budget what a success gives."""
        self.budget.give(self._cost if len(self.made) > 1 else 1.0)

    def handed_over(self) -> None:
        """Note that the attempt is being made for which turn and budget were taken."""
        self._owed, self.turn = 0.0, None

    def withdraw(self) -> None:
        """Give back to the budget what was taken for a retry that will not be made after all, if anything was."""
        owed, self._owed = self._owed, 0.0
        self.budget.give(owed)

    def record(self, error: UnichatError | None = None) -> CallRecord:
        """Return the record of the call so far; `error`: the one that ends it."""
        return CallRecord(
            backend=self.operation.backend,
            operation=self.operation.name,
            call_id=self.call_id,
            status=self.status,
            envelope_status=self.envelope_status,
            request_id=self.request_id,
            vendor_code=self.vendor_code,
            vendor_message=self.vendor_message,
            attempts=tuple(self.made),
            elapsed=self.deadline.elapsed(),
            phase=self.phase,
            maybe_delivered=error.maybe_delivered if error else bool(self.made),
            retryable=error.retryable if error else False,
            retry_after=error.retry_after if error else None,
            stopped_by=self.stopped_by,
        )

    def broke_off(self, error: UnichatError) -> UnichatError:
        """Return an error that ends the call with the whole record in it, and with the doubts of all its attempts."""
        if self.stopped_by is None:
            # Without a verdict on an attempt: the client was closed, or the token that it needs was not to be had.
            closed = isinstance(error, InvalidInput)
            self.stopped_by = "cancelled" if closed else error.stopped_by or failures.stop_of(error)
        if error.call is not None:
            # That of the token's fetching, which failed, tells the story.
            return error
        if self.maybe_duplicated:
            # An earlier attempt may have been acted on, whatever became of the last.
            error.maybe_delivered = True
        error.call = self.record(error)
        return error

    def final(self, failed: Failed) -> UnichatError:
        """Return the error to raise after the last attempt, with the whole record in it."""
        if not failed.again and self.stopped_by is None:
            self.stopped_by = "maybe_delivered" if failed.withheld else failures.stop_of(failed.error)
        error = self.broke_off(failed.error)
        self._log(error)
        return error

    def _log(self, error: UnichatError) -> None:
        line = str(error)
        if self.vendor_message and not self.policy.log_content:
            # A vendor that refuses a question may quote it.
            line = line.replace(self.vendor_message, "(the vendor's words: see log_content)")
        log.warning("%s [%s]", line, self.call_id, extra={"unichat_error": error})

    def interrupted(self, error: StreamInterrupted, stopped_by: str) -> StreamInterrupted:
        """Return the error of a stream that broke after its first event, with the record in it."""
        self.stopped_by = stopped_by
        error.call = self.record(error)
        self._log(error)
        self.stream_ended(error)
        return error

    def stream_ended(self, error: BaseException | None) -> None:
        """Note how a stream ended, or that its reader gave it up for `error`; only the first time counts."""
        at_end, self.at_end = self.at_end, None
        if at_end is not None:
            last = self.made[-1]
            outcome = last.outcome if error is None else "interrupted"
            if error is not None and not isinstance(error, UnichatError):
                outcome = self.stopped_by = "cancelled"
            self.made[-1] = evolve(last, elapsed=self.deadline.elapsed() - last.started, outcome=outcome)
            at_end(error)


def _target(reply: Reply) -> str:
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f" to {host}" if host else ""


def _failed(state: RetryCallState) -> Failed:
    assert state.outcome is not None
    outcome = state.outcome.result()
    assert isinstance(outcome, Failed)
    return outcome
