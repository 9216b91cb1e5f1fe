"""The failure table, as data: what each failure means, whether it is tried again, and which error it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from unichat import errors
from unichat._text.printable import trimmed
from unichat._text.templates import Argument, Template
from unichat.adapter import ErrorResponse, Replay
from unichat.errors import UnichatError
from unichat.policy.backoff import Backoff
from unichat.transport.base import TransportFailure


@frozen
class Row:
    """One failure and what is done about it.

    Attributes:
        kind: its key.
        title: in words.
        again: a letter for each replay class, in the order ASK, INSERT, UPSERT, READ, CLEAR: `Y` tried again, `N`
            never, `C` not, since the vendor may have acted on it.
        delivered: whether the vendor may have acted; None where the driver must say.
        error: what is raised in the end.
        backoff: the waits.
        hint: what to do.
    """

    kind: str
    title: str
    again: str
    delivered: bool | None
    error: type[UnichatError]
    backoff: Backoff = Backoff.SERVER
    hint: str = ""

    def retried(self, replay: Replay) -> bool:
        """Whether an operation of class `replay` is sent again after this failure."""
        return self.again[_ORDER.index(replay)] == "Y"

    def withheld(self, replay: Replay) -> bool:
        """Whether it is not sent again only because the vendor may have acted on it."""
        return self.again[_ORDER.index(replay)] == "C"


_ORDER = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)

_LATER = "Try again later."
_CHECK_NETWORK = "Check base_url, the network and the vendor's status page."
_PROXY = "Put its user and password into HTTPS_PROXY, and check NO_PROXY."
_DEADLINE = Template("Allow more with ", Argument("deadline"), ".")
_PACE = Template("Raise rate, or allow more with ", Argument("deadline"), ".")
_BEGIN = Template(
    "The vendor may have received it: look at the history, and allow more with ", Argument("first_event_timeout"), "."
)
_CIRCUIT = "The vendor failed several times in a row: see its status page; a probe goes out by itself."
_ASKED = "The vendor may have received it: look at the history before asking again."
_CERTIFICATE = "Check the clock, and point ca_bundle (or REQUESTS_CA_BUNDLE) at the authority that signed it."
_VENDOR_CHANGED = "The vendor's API may have changed, or something between answers in its place; check base_url."
_REFILL = "Wait for the allowance to refill, or raise it with the vendor."
_REDIRECT = "unichat follows none, so that the key stays with its host: correct base_url."
_TOKEN = "Check the key or token, and that it has not expired."
_OTHERS = "Check that the key or token belongs to this project or bot."

ROWS: tuple[Row, ...] = (
    Row("dns", "host name not found", "YYYYY", False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    Row("refused", "connection refused", "YYYYY", False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    Row("connect_timeout", "no connection in time", "YYYYY", False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    Row("proxy", "the proxy refused", "YYYYY", False, errors.ConnectionFailed, hint="Check HTTPS_PROXY and NO_PROXY."),
    Row("tls", "TLS handshake failed", "YYYYY", False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    Row("certificate", "TLS certificate not trusted", "NNNNN", False, errors.ConnectionFailed, hint=_CERTIFICATE),
    Row("proxy_auth", "the proxy wants a password (407)", "NNNNN", False, errors.ConnectionFailed, hint=_PROXY),
    Row("unsent", "connection lost before sending", "YYYYY", False, errors.ConnectionFailed, hint=_LATER),
    Row("cancelled", "the client was closed", "NNNNN", None, errors.ConnectionFailed, hint="Make a new client."),
    Row("reset", "connection reset before the answer", "CCYYY", True, errors.ConnectionFailed, hint=_ASKED),
    Row("closed", "connection closed before the answer", "CCYYY", True, errors.ConnectionFailed, hint=_ASKED),
    Row("read_timeout", "no answer in time", "CCYYY", True, errors.ConnectionFailed, hint=_ASKED),
    Row("deadline", "the deadline passed", "NNNNN", None, errors.DeadlineExceeded, hint=_DEADLINE),
    Row("first_event", "the stream did not begin in time", "NNNNN", True, errors.DeadlineExceeded, hint=_BEGIN),
    Row("paced", "no turn within the deadline", "NNNNN", False, errors.DeadlineExceeded, hint=_PACE),
    Row("circuit", "the circuit breaker is open", "NNNNN", False, errors.CircuitOpen, hint=_CIRCUIT),
    Row("head", "no valid HTTP answer", "CCYYY", True, errors.InvalidResponse, hint=_VENDOR_CHANGED),
    Row("truncated", "the answer broke off", "CCYYY", True, errors.InvalidResponse, hint=_ASKED),
    Row("stalled", "the answer stopped coming", "CCYYY", True, errors.InvalidResponse, hint=_ASKED),
    Row("too_large", "the answer is over the limit", "NNNNN", True, errors.InvalidResponse, hint=_VENDOR_CHANGED),
    Row("unreadable", "not what the reference shows", "NNNNN", True, errors.InvalidResponse, hint=_VENDOR_CHANGED),
    Row("204", "no content where an answer belongs", "NNNNN", True, errors.NotFound, hint="Ask in other words."),
    Row("3xx", "redirect", "NNNNN", False, errors.InvalidResponse, hint=_REDIRECT),
    Row("400", "400, 413, 414, 422, 431", "NNNNN", False, errors.InvalidInput, hint="Correct what the vendor names."),
    Row("401", "401", "NNNNN", False, errors.AuthenticationError, hint=_TOKEN),
    Row("403", "403", "NNNNN", False, errors.PermissionDenied, hint=_OTHERS),
    Row("404", "404, 405, 410", "NNNNN", False, errors.NotFound, hint="Check the id and base_url."),
    Row("408", "408, 425", "YYYYY", False, errors.ServerError, hint=_LATER),
    Row("429", "429", "YYYYY", False, errors.RateLimited, Backoff.THROTTLED, hint="Ask less often."),
    Row("4xx", "every other 4xx", "NNNNN", False, errors.RequestRejected, hint="See the vendor's message."),
    Row("503", "503", "YYYYY", False, errors.ServerError, hint=_LATER),
    Row("507", "507, the token allowance", "YYYYY", False, errors.InsufficientTokens, Backoff.TOKENS, hint=_REFILL),
    Row("5xx", "every other 5xx", "YYYYY", True, errors.ServerError, hint=_LATER),
    Row("stream_error", "a stream that starts with an error", "YYYYY", True, errors.ServerError, hint=_LATER),
)

TABLE: Mapping[str, Row] = {row.kind: row for row in ROWS}

_STATUS_ROWS = {
    204: "204", 401: "401", 407: "proxy_auth", 403: "403", 429: "429", 503: "503", 507: "507", 408: "408", 425: "408",
    **dict.fromkeys((400, 413, 414, 422, 431), "400"),
    **dict.fromkeys((404, 405, 410), "404"),
}  # fmt: skip


_KINDS = {
    "stalled": "truncated",
    "unreadable": "shape",
    "unsent": "closed",
    "cancelled": "closed",
    "proxy_auth": "proxy",
    "3xx": "redirect",
}
"""What an error's `kind` says, where that is not the row's own name."""


def row_for(status: int) -> Row:
    """Return the row of an HTTP status that is no success."""
    if status in _STATUS_ROWS:
        return TABLE[_STATUS_ROWS[status]]
    family = {3: "3xx", 4: "4xx", 5: "5xx"}.get(status // 100, "head")
    return TABLE[family]


def error_for(row: Row, failure: TransportFailure | ErrorResponse, **context: Any) -> UnichatError:
    """Return the error that `row` prescribes for `failure`; `context` holds backend, operation and the like."""
    context.update(hint=row.hint, maybe_delivered=row.delivered)
    if row.error in (errors.ConnectionFailed, errors.InvalidResponse):
        context["kind"] = _KINDS.get(row.kind, row.kind)
        context["retryable"] = row.kind not in _NEEDS_SOMEBODY
    if isinstance(failure, TransportFailure):
        if failure.delivered is not None:
            context["maybe_delivered"] = failure.delivered
        return row.error(f"{row.title}: {failure.detail}" if failure.detail else row.title, **context)
    # A status that stands in the body only is not to be found in any proxy's log.
    message = f"HTTP {failure.status}"
    if failure.http_status not in (None, failure.status):
        message = f"status {failure.status} in the body (HTTP {failure.http_status})"
    if failure.message:
        message += f": {trimmed(failure.message)}"
    context.update(status=failure.status, hint=failure.hint or row.hint)
    if row.kind == "3xx":
        # A 303 answers a request that was acted on.
        context["maybe_delivered"] = failure.status == 303
    elif row.error is errors.InvalidInput:
        context.update(source="vendor", argument=failure.argument)
    elif row.error is errors.NotFound:
        context["what"] = failure.what
    return row.error(message, **context)


_NEEDS_SOMEBODY = ("certificate", "proxy_auth", "cancelled", "3xx", "too_large", "unreadable")
"""Failures that last until somebody changes something."""


def stop_of(error: UnichatError) -> str:
    """Return why no further attempt was made after a failure that is never tried again."""
    if isinstance(error, errors.DeadlineExceeded):
        return "deadline"
    return "circuit" if isinstance(error, errors.CircuitOpen) else "not_retryable"
