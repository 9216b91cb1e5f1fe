"""What happened in one call: its attempts, waits, statuses and time."""

from __future__ import annotations

from attrs import frozen


@frozen
class Attempt:
    """One attempt to send a request.

    Attributes:
        number: counted from 1.
        started: seconds since the call began.
        elapsed: seconds until the answer, or the failure, was known.
        outcome: `ok`, `HTTP 503`, or the kind of failure, such as `refused`; `cancelled` where its caller gave up.
        waited: seconds slept after this attempt, before the next (0 after the last).
        maybe_delivered: whether the vendor may have acted on it; None where that is not known.
        profile: the name of the route's member that it was sent to; None on a plain client.
    """

    number: int
    started: float
    elapsed: float
    outcome: str
    waited: float = 0.0
    maybe_delivered: bool | None = None
    profile: str | None = None


@frozen(kw_only=True)
class CallRecord:
    """The record of one operation. Answers and errors carry it.

    Attributes:
        call_id: ours, eight hexadecimal digits; it appears in every log line of the call.
        status: the last HTTP status, or None where no response arrived.
        envelope_status: the status in the response's body, where the vendor puts one there.
        request_id: the vendor's id for the request, from the usual headers, printable, of at most 200 characters.
        vendor_code: the vendor's own code for a failure, such as `not_authenticated` or `value_error.missing`; None
            where it gives none.
        vendor_message: the vendor's own message about a failure, trimmed and escaped.
        attempts: one entry for each attempt; on a route, those of all members that were asked, in order.
        elapsed: seconds in all, including waits.
        phase: how far the last attempt got: `resolving`, `connecting`, `handshake`, `sending`, `waiting` or `body`
            (a response arrived, in whole or in part); empty if nothing was tried.
        maybe_delivered: after a failure, whether the vendor may have acted on the request; None where that is not
            known. True after a success.
        retryable: after a failure, whether the same call may succeed later without any change.
        retry_after: after a failure, the seconds that the vendor asks to wait, even where nobody waited.
        stopped_by: why no further attempt was made: `attempts`, `deadline`, `budget`, `maybe_delivered`,
            `not_retryable`, `circuit`, `cancelled` (the client was closed, or the caller gave up), or `retry_after`
            (the vendor asks for a longer wait than `retry_after_limit` allows); None after a success.
        profile: the name of the route's member that the operation was sent to; None on a plain client.
    """

    backend: str
    operation: str
    call_id: str
    status: int | None = None
    envelope_status: int | None = None
    request_id: str | None = None
    vendor_code: str | None = None
    vendor_message: str = ""
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    phase: str = ""
    maybe_delivered: bool | None = None
    retryable: bool = False
    retry_after: float | None = None
    stopped_by: str | None = None
    profile: str | None = None
