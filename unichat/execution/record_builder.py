"""Builds the record of an operation while it runs."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from unichat._text.printable import shorten
from unichat.adapter import Operation, StreamOperation
from unichat.errors import InvalidInput, UnichatError
from unichat.policy.failures import Retry
from unichat.policy.judge import Failed, VendorReport, name_stop
from unichat.record import Attempt, CallRecord
from unichat.transport.base import Deadline

_REQUEST_ID = 200
"""Characters of a vendor's id for a request: it is shown, logged and exported."""

_NO_REPORT = VendorReport()


class RecordBuilder:
    """Collects the facts of one operation's attempts.

    Attributes:
        call_id: appears in every log line.
        attempts: those that were made, oldest first.
        maybe_duplicated: whether an attempt that failed may have been acted on.
        status: the last HTTP status; None where no response arrived.
        request_id: the vendor's id for the last request.
        phase: how far the last attempt got.
        vendor: what the vendor said about the last failure that it reported.
        stopped_by: why there was no further attempt.
    """

    __slots__ = (
        "_deadline", "_operation", "_profile", "attempts", "call_id", "maybe_duplicated", "phase", "request_id",
        "status", "stopped_by", "vendor",
    )  # fmt: skip

    def __init__(
        self,
        operation: Operation[Any] | StreamOperation[Any],
        deadline: Deadline,
        call_id: str,
        profile: str | None = None,
    ) -> None:
        self._operation = operation
        self._deadline = deadline
        self._profile = profile
        self.call_id = call_id
        self.attempts: list[Attempt] = []
        self.maybe_duplicated = False
        self.status: int | None = None
        self.request_id: str | None = None
        self.phase = ""
        self.vendor = _NO_REPORT
        self.stopped_by: str | None = None

    def add_attempt(self, began: float, outcome: str, maybe_delivered: bool | None = None) -> None:
        """Add an attempt that began `began` seconds into the call, and has just ended."""
        elapsed = self._deadline.elapsed() - began
        number = len(self.attempts) + 1
        self.attempts.append(Attempt(number, began, elapsed, outcome, 0.0, maybe_delivered, self._profile))

    def add_wait(self, seconds: float) -> None:
        """Add the wait that follows the last attempt."""
        if self.attempts:
            self.attempts[-1] = evolve(self.attempts[-1], waited=seconds)

    def extend_attempt(self, outcome: str) -> None:
        """Extend the last attempt until now: it lasts as long as its stream."""
        last = self.attempts[-1]
        self.attempts[-1] = evolve(last, elapsed=self._deadline.elapsed() - last.started, outcome=outcome)

    def add_head(self, status: int, request_id: str | None) -> None:
        """Add the head of a response; `request_id` is the vendor's id for the request, without secrets."""
        self.status, self.phase = status, "body"
        self.request_id = None if request_id is None else shorten(request_id, _REQUEST_ID) or None

    def add_failure(self, failed: Failed) -> None:
        """Add what is known about a failure."""
        if failed.phase is not None:
            self.phase = failed.phase
        if failed.vendor is not None:
            self.vendor = failed.vendor
        if failed.retry is Retry.YES and failed.error.maybe_delivered:
            self.maybe_duplicated = True

    def complete(self, error: UnichatError, outcome: object) -> bool:
        """Add the record to the error that ends the operation, with why there was no further attempt.

        Args:
            error: the error; if any attempt may have been acted on, it says so, whatever became of the last one.
            outcome: the failed attempt that it is of, or itself where it is without a verdict on an attempt.

        Returns:
            False if the error has a record already: that of the token request, which is what failed.
        """
        if isinstance(outcome, Failed):
            if outcome.cancelled:
                self.stopped_by = "cancelled"
            elif self.stopped_by is None:
                self.stopped_by = name_stop(outcome)
        elif self.stopped_by is None:
            # The client was closed, or the token that the call needs could not be obtained.
            closed = isinstance(error, InvalidInput)
            self.stopped_by = "cancelled" if closed else error.stopped_by or name_stop(Failed(error))
        if error.call is not None:
            return False
        if self.maybe_duplicated:
            error.maybe_delivered = True
        error.call = self.build(error)
        return True

    def build(self, error: UnichatError | None = None) -> CallRecord:
        """Return the record so far; `error`: the one that ends the operation."""
        return CallRecord(
            backend=self._operation.backend,
            operation=self._operation.name,
            call_id=self.call_id,
            status=self.status,
            envelope_status=self.vendor.envelope_status,
            request_id=self.request_id,
            vendor_code=self.vendor.code,
            vendor_message=self.vendor.message,
            attempts=tuple(self.attempts),
            elapsed=self._deadline.elapsed(),
            phase=self.phase,
            maybe_delivered=error.maybe_delivered if error else bool(self.attempts),
            retryable=error.retryable if error else False,
            retry_after=error.retry_after if error else None,
            stopped_by=self.stopped_by,
            profile=self._profile,
        )
