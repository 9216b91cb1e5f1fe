"""What happened in one call: its attempts, waits, statuses and time."""

from __future__ import annotations

from attrs import frozen


@frozen
class Attempt:
    """One sending of a request.

    Attributes:
        number: counted from 1.
        started: seconds since the call began.
        elapsed: seconds until the answer, or the failure, was known.
        outcome: `ok`, `HTTP 503`, or the kind of failure, such as `refused`.
        waited: seconds slept after this attempt, before the next (0 after the last).
    """

    number: int
    started: float
    elapsed: float
    outcome: str
    waited: float = 0.0


@frozen(kw_only=True)
class CallRecord:
    """One operation's whole story. Answers and errors carry it.

    Attributes:
        call_id: ours, eight hexadecimal digits; it stands in every log line of the call.
        status: the last HTTP status, or None where no answer came.
        envelope_status: the status that the answer's body claims, where the vendor has one.
        request_id: the vendor's id for the request, from the usual headers.
        vendor_message: the vendor's own words on a failure, trimmed and escaped.
        attempts: one entry for each sending.
        elapsed: seconds in all, waits included.
        stopped_by: why no further attempt was made: `attempts`, `deadline`, `budget`, `maybe_delivered`,
            `not_retryable`, `circuit`, or `retry_after` (the vendor asks for a longer wait than anyone should sit
            through); None after a success.
    """

    backend: str
    operation: str
    call_id: str
    status: int | None = None
    envelope_status: int | None = None
    request_id: str | None = None
    vendor_message: str = ""
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    stopped_by: str | None = None
