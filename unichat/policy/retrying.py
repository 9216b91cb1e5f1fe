"""Attempts: tenacity decides, with objects that serve the sync and the async driver alike."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, evolve, field, frozen

from unichat.errors import AccessDenied, DeadlineExceeded, InvalidResponse, UnichatError
from unichat.logs import log
from unichat.operation import Operation, Problem, Reply, StreamFailure, StreamOperation
from unichat.policy import failures, waits
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure, Row
from unichat.policy.waits import Curve
from unichat.printable import trimmed
from unichat.record import Attempt, CallRecord

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


@frozen
class Policy:
    """How hard to try. `deadline` of None means 120 seconds for questions and 30 for everything else."""

    attempts: int = 3
    deadline: float | None = None


@frozen
class Clock:
    """Where time comes from, so that tests need not wait: `monotonic` in seconds, `sleep` for a number of them."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


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
    curve: Curve
    withheld: bool = False
    refresh: bool = False


@define
class Attempts(Generic[T]):
    """One operation's attempts: judges each, keeps the record, tells tenacity when to stop and how long to wait."""

    operation: Operation[T] | StreamOperation[T]
    policy: Policy
    deadline: Deadline
    refreshable: bool = False
    call_id: str = field(factory=lambda: secrets.token_hex(4))
    made: list[Attempt] = field(factory=list)
    maybe_duplicated: bool = False
    status: int | None = None
    envelope_status: int | None = None
    request_id: str | None = None
    vendor_message: str = ""
    stopped_by: str | None = None

    def tenacity_options(self) -> dict[str, Any]:
        """Return the keyword arguments of `tenacity.Retrying` and `tenacity.AsyncRetrying`, `sleep` excepted."""
        from tenacity import retry_if_result

        return {
            "retry": retry_if_result(lambda outcome: isinstance(outcome, Failed) and outcome.again),
            "wait": self._wait,
            "stop": self._stop,
            "before_sleep": self._before_sleep,
            "retry_error_callback": lambda state: state.outcome.result(),
        }

    def _wait(self, state: RetryCallState) -> float:
        failed = _failed(state)
        # Full jitter: clients that failed together do not come back together.
        drawn = random.uniform(0, waits.longest_wait(failed.curve, state.attempt_number))  # noqa: S311
        return max(drawn, failed.error.retry_after or 0.0)

    def _stop(self, state: RetryCallState) -> bool:
        # In this order, since the reason given is the first that holds. tenacity has computed the wait before.
        if state.attempt_number >= self.policy.attempts:
            self.stopped_by = "attempts"
        elif (_failed(state).error.retry_after or 0.0) > waits.LONGEST_WISH:
            self.stopped_by = "retry_after"
        elif state.upcoming_sleep >= self.deadline.left():
            self.stopped_by = "deadline"
        else:
            return False
        return True

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

    def finished(self, began: float, outcome: str) -> None:
        """Note an attempt that began `began` seconds into the call and has just ended."""
        self.made.append(Attempt(len(self.made) + 1, began, self.deadline.elapsed() - began, outcome))

    def judge(self, reply: Reply) -> Done[T] | Failed:
        """Return what a whole answer amounts to."""
        self.status = reply.status
        self.request_id = next((reply.headers[name] for name in _REQUEST_IDS if name in reply.headers), None)
        try:
            problem = self.operation.examine(reply)
            if problem is None:
                assert isinstance(self.operation, Operation)
                return Done(self.operation.parse(reply))
        except UnichatError as error:
            return self.unreadable(error)
        except Exception as error:
            # A mistake of the adapter's: callers are promised a UnichatError, and its author finds the rest in the log.
            log.debug("%s %s: the adapter cannot read this", self.operation.backend, self.operation.name, exc_info=True)
            name = type(error).__name__
        else:
            return self._refused(problem, reply)
        return self.unreadable(InvalidResponse(f"the adapter could not read the answer ({name})"))

    def unreadable(self, error: UnichatError) -> Failed:
        """Return what an answer amounts to that its reader refused with `error`."""
        row = failures.TABLE["unreadable"]
        error.backend, error.operation = self.operation.backend, self.operation.name
        error.status = self.status
        if isinstance(error, InvalidResponse):
            error.maybe_delivered = row.delivered
            error.hint = error.hint or row.hint
        return Failed(error, again=False, curve=row.curve)

    def _refused(self, problem: Problem, reply: Reply) -> Failed:
        row = failures.row_for(problem.means or problem.status)
        self.envelope_status = problem.envelope_status
        error = self._error(row, problem, retry_after=waits.retry_after(reply.headers))
        if isinstance(error, AccessDenied) and self.refreshable:
            # Once: a second refusal is about the account, not about the token's age.
            self.refreshable = False
            return Failed(error, again=True, curve=Curve.AT_ONCE, refresh=True)
        return self._failed(row, error)

    def broken(self, failure: Failure) -> Failed:
        """Return what a failure without an answer amounts to."""
        self.status = None
        if self.deadline.left() <= 0:
            # The attempt's time-outs are cut to what is left, so it is the deadline that ended it.
            failure = Failure("deadline", f"{self.deadline.seconds:g} s", self._delivered(failure))
        row = failures.TABLE[failure.kind]
        error = self._error(row, failure)
        if isinstance(error, DeadlineExceeded):
            error.deadline = self.deadline.seconds
        return self._failed(row, error)

    @staticmethod
    def _delivered(failure: Failure) -> bool | None:
        return failures.TABLE[failure.kind].delivered if failure.delivered is None else failure.delivered

    def stream_failed(self, failure: StreamFailure) -> Failed:
        """Return what a stream amounts to that failed before its first event."""
        if failure.kind == "vendor":
            row = failures.TABLE["stream_error"]
            return self._failed(row, self._error(row, Failure("stream_error", failure.reason)))
        row = failures.TABLE["too_large" if failure.kind == "too_large" else "unreadable"]
        return self._failed(row, self._error(row, Failure(row.kind, failure.reason)))

    def _error(self, row: Row, failure: Failure | Problem, **context: Any) -> UnichatError:
        error = failures.error_for(
            row, failure, backend=self.operation.backend, operation=self.operation.name, **context
        )
        if isinstance(failure, Problem):
            self.vendor_message = trimmed(failure.message)
        return error

    def _failed(self, row: Row, error: UnichatError) -> Failed:
        again = row.retried(self.operation.replay)
        if again and error.maybe_delivered:
            self.maybe_duplicated = True
        return Failed(error, again, row.curve, withheld=row.withheld(self.operation.replay))

    def record(self) -> CallRecord:
        """Return the record of the call so far."""
        return CallRecord(
            backend=self.operation.backend,
            operation=self.operation.name,
            call_id=self.call_id,
            status=self.status,
            envelope_status=self.envelope_status,
            request_id=self.request_id,
            vendor_message=self.vendor_message,
            attempts=tuple(self.made),
            elapsed=self.deadline.elapsed(),
            stopped_by=self.stopped_by,
        )

    def final(self, failed: Failed) -> UnichatError:
        """Return the error to raise after the last attempt, with the whole record in it."""
        if not failed.again:
            self.stopped_by = "maybe_delivered" if failed.withheld else "not_retryable"
            if isinstance(failed.error, DeadlineExceeded):
                self.stopped_by = "deadline"
        error = failed.error
        error.call = self.record()
        log.warning("%s [%s]", error, self.call_id)
        return error


def _failed(state: RetryCallState) -> Failed:
    assert state.outcome is not None
    outcome = state.outcome.result()
    assert isinstance(outcome, Failed)
    return outcome
