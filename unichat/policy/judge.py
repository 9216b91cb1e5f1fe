"""Judges attempts: a result, or an error and whether the request may be sent again. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from unichat._interruptions import is_interruption
from unichat._text.log import log
from unichat._text.printable import format_value, shorten
from unichat.adapter import ErrorResponse, Operation, PolicySettings, Replay, Reply, StreamFailure, StreamOperation
from unichat.errors import AccessDenied, CircuitOpen, DeadlineExceeded, InvalidInput, InvalidResponse, UnichatError
from unichat.policy.backoff import Backoff, retry_after
from unichat.policy.failures import FailureRule, Retry, error_for, rule_for_kind, rule_for_status
from unichat.policy.mistakes import MISTAKES, clean_mistake, describe_mistake
from unichat.transport.base import Deadline, TransportFailure

T = TypeVar("T")

Redact = Callable[[str], str]
"""Removes from a vendor's text the secrets that were sent to it."""

_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


@frozen
class Done(Generic[T]):
    """An attempt that succeeded."""

    value: T


@frozen
class VendorReport:
    """What a vendor said about a failure.

    Attributes:
        message: its own message, trimmed and without secrets.
        code: its own code, if it has one.
        envelope_status: the status in the response's body, if it puts one there.
    """

    message: str = ""
    code: str | None = None
    envelope_status: int | None = None


@frozen
class Failed:
    """An attempt that failed.

    Attributes:
        error: what is raised if this was the last attempt.
        retry: whether the request may be sent again.
        backoff: which waits come before that.
        vendor: what the vendor said about it; None where it said nothing.
        phase: how far the attempt got, where no whole response arrived.
        refresh_token: whether the token should be refreshed first.
        cancelled: whether the client was closed meanwhile.
    """

    error: UnichatError
    retry: Retry = Retry.NO
    backoff: Backoff = Backoff.SERVER
    vendor: VendorReport | None = None
    phase: str | None = None
    refresh_token: bool = False
    cancelled: bool = False


@frozen
class Judge(Generic[T]):
    """Judges the attempts of one operation.

    Attributes:
        call_id: appears in every log line of the call.
        redact: removes the secrets of this attempt's request from a text.
        refreshable: whether another token can be obtained, so that a rejected one is worth one more attempt.
    """

    operation: Operation[T] | StreamOperation[T]
    policy: PolicySettings
    deadline: Deadline
    call_id: str
    redact: Redact = field(repr=False)
    refreshable: bool = False

    def reply(self, reply: Reply) -> Done[T] | Failed:
        """Judge a response."""
        try:
            refusal = self.operation.detect_error(reply)
            if refusal is not None and not isinstance(refusal, ErrorResponse):
                raise TypeError(f"detect_error returned {type(refusal).__name__}")
            if refusal is None and isinstance(self.operation, Operation):
                return Done(self.operation.parse(reply))
            if refusal is None and reply.is_page:
                raise InvalidResponse(
                    "the answer is a page of HTML instead of a stream",
                    hint="A proxy or a sign-in page may be in between; check base_url and the network.",
                    kind="content_type",
                )
        except (UnichatError, *MISTAKES) as error:
            if is_interruption(error):
                raise
            problem = error
        else:
            return self._judge_refusal(refusal or ErrorResponse(status=reply.status), reply)
        if reply.status >= 400:
            # The status is what matters, even where the rest cannot be read.
            what = describe_mistake(problem)
            log.debug("%s [%s]: the adapter cannot read this error %s", self.operation.name, self.call_id, what)
            return self._judge_refusal(ErrorResponse(status=reply.status, message=reply.plain_text), reply)
        return self._judge_unreadable(self._reading_error(problem), reply.status)

    def _reading_error(self, problem: Exception) -> UnichatError:
        """Return the error for a response that the adapter failed to read because of `problem`."""
        if isinstance(problem, UnichatError) and not isinstance(problem, InvalidInput):
            return problem
        # An InvalidInput: what the vendor sent does not fit a model, such as an id of a megabyte. That is the vendor's
        # mistake, not the caller's. Anything else is the adapter's.
        what = f"({shorten(problem.message)})" if isinstance(problem, InvalidInput) else describe_mistake(problem)
        error = InvalidResponse(f"{self.operation.backend}'s adapter could not read the answer {what}")
        if not isinstance(problem, InvalidInput):
            error.__cause__ = clean_mistake(problem, self.redact)
        return error

    def _judge_unreadable(self, error: UnichatError, status: int) -> Failed:
        rule = rule_for_kind("unreadable")
        # Its frames hold the whole response: a person's words, or a token.
        error.__traceback__ = None
        error.backend, error.operation = self.operation.backend, self.operation.name
        error.status = status
        error.message = self.redact(error.message)
        if isinstance(error, InvalidResponse):
            # The response to a login may be the token itself.
            error.excerpt = self.redact(error.excerpt) if self.operation.signed else ""
            error.maybe_delivered = rule.delivered
            error.hint = error.hint or rule.hint
        return Failed(error)

    def _judge_refusal(self, refusal: ErrorResponse, reply: Reply) -> Failed:
        rule = rule_for_status(refusal.means or refusal.status)
        if rule.kind == "3xx":
            # Only the host: the rest of the address may hold what was asked.
            refusal = evolve(refusal, message=f"{refusal.message} (redirect{_redirect_host(reply)})".lstrip())
        refusal = evolve(refusal, message=self.redact(refusal.message))
        wait = retry_after(reply.headers) if refusal.retry_after is None else refusal.retry_after
        error = self._error(rule, refusal, retry_after=wait)
        vendor = VendorReport(
            shorten(refusal.message),
            shorten(self.redact(refusal.code)) if refusal.code else None,
            refusal.envelope_status,
        )
        if not refusal.retry:
            return Failed(error, Retry.NO, rule.backoff, vendor)
        if isinstance(error, AccessDenied) and self.refreshable:
            return Failed(error, Retry.YES, Backoff.AT_ONCE, vendor, refresh_token=True)
        failed = self._fail(rule, error, vendor)
        if refusal.retry_after is not None and rule.retry[self.operation.replay] is Retry.NO:
            # The adapter knows more than the status says: the refusal is temporary. What a setting forbids stays so.
            error.retryable = True
            return evolve(failed, retry=Retry.YES)
        return failed

    def failure(self, failure: TransportFailure) -> Failed:
        """Judge a failure without a response."""
        if failure.kind not in ("deadline", "cancelled") and self.deadline.remaining() <= 0:
            # The deadline cut the attempt short, or the failure no longer matters.
            failure = TransportFailure("deadline", failure.detail, _maybe_delivered(failure), failure.phase)
        rule = rule_for_kind(failure.kind)
        if rule.kind == "unknown":
            failure = evolve(failure, detail=format_value(failure.kind))
        error = self._error(rule, failure)
        if isinstance(error, DeadlineExceeded):
            before_event = failure.kind == "first_event"
            error.deadline = self.policy.first_event_timeout if before_event else self.deadline.seconds
            if failure.kind == "deadline":
                where = failure.detail or failure.phase
                error.message = f"the deadline of {self.deadline} passed"
                error.message += f" ({where})" if where else ""
        failed = self._fail(rule, error, None)
        return evolve(failed, phase=failure.phase, cancelled=rule.kind == "cancelled")

    def circuit_open(self, reopens_in: float) -> Failed:
        """Judge an attempt that the breaker did not let through."""
        rule = rule_for_kind("circuit")
        error = self._error(rule, TransportFailure("circuit", f"for {reopens_in:.1f} s more"))
        assert isinstance(error, CircuitOpen)
        error.reopens_in = reopens_in
        return self._fail(rule, error, None)

    def stream_failure(self, failure: StreamFailure, head: Reply | None = None) -> Failed:
        """Return what a stream amounts to that failed before its first event.

        Args:
            head: that of the answer; its status says nothing of a failure within the stream. None for a plain 200.
        """
        if failure.response is not None:
            head = head or Reply(200, {}, b"")
            return self._judge_refusal(_in_stream(failure.response, head.status), head)
        rule = rule_for_kind({"vendor": "stream_error", "too_large": "too_large"}.get(failure.kind, "unreadable"))
        reason = self.redact(failure.reason)
        vendor = VendorReport(reason) if failure.kind == "vendor" else None
        return self._fail(rule, self._error(rule, TransportFailure(rule.kind, reason)), vendor)

    def _error(self, rule: FailureRule, failure: TransportFailure | ErrorResponse, **context: Any) -> UnichatError:
        return error_for(rule, failure, backend=self.operation.backend, operation=self.operation.name, **context)

    def _fail(self, rule: FailureRule, error: UnichatError, vendor: VendorReport | None) -> Failed:
        return Failed(error, decide_retry(rule, self.operation.replay, self.policy), rule.backoff, vendor)


def _in_stream(response: ErrorResponse, http_status: int) -> ErrorResponse:
    """Return the vendor's report of a failure within a stream, whose status stands in the body only."""
    means = response.means or response.status
    return evolve(
        response,
        # A report of a failure is not a success, whatever number a vendor gives it.
        means=means if 400 <= means < 600 else 500,
        http_status=response.http_status or http_status,
        envelope_status=response.envelope_status or response.status,
    )


def decide_retry(rule: FailureRule, replay: Replay, policy: PolicySettings) -> Retry:
    """Return whether a request of class `replay` is sent again after a failure, as far as the failure decides that."""
    decision = rule.retry[replay]
    if decision is Retry.AMBIGUOUS and replay is Replay.ASK and policy.replay == "always":
        return Retry.YES
    if rule.kind == "507" and not policy.retry_insufficient_tokens:
        return Retry.NO
    return decision


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """Return the vendor's id for the request, from the usual headers; None if none has it."""
    for name in _REQUEST_IDS:
        if name in headers:
            return headers[name]
    return None


def name_outcome(error: UnichatError | None) -> str:
    """Return an attempt's outcome for the record: `ok`, `HTTP 503`, or the kind of failure, such as `refused`."""
    if error is None:
        return "ok"
    kind = getattr(error, "kind", None)
    return f"HTTP {error.status}" if error.status and kind is None else kind or type(error).__name__


def name_stop(failed: Failed) -> str:
    """Return why no further attempt is made after a failure that is not tried again."""
    if failed.retry is Retry.AMBIGUOUS:
        return "maybe_delivered"
    if isinstance(failed.error, DeadlineExceeded):
        return "deadline"
    return "circuit" if isinstance(failed.error, CircuitOpen) else "not_retryable"


def _maybe_delivered(failure: TransportFailure) -> bool | None:
    return rule_for_kind(failure.kind).delivered if failure.delivered is None else failure.delivered


def _redirect_host(reply: Reply) -> str:
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f" to {host}" if host else ""
