"""The failure table, as data: what each failure means, whether it is tried again, and which error it becomes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from unichat import errors
from unichat._text.printable import shorten
from unichat._text.templates import Argument, Template
from unichat.adapter import ErrorResponse, Replay
from unichat.errors import UnichatError
from unichat.policy.backoff import Backoff
from unichat.transport.base import TransportFailure


class Retry(enum.Enum):
    """Whether a request is sent again after a failure."""

    YES = "yes"
    """It is sent again."""
    NO = "no"
    """It is not: the outcome would be the same."""
    AMBIGUOUS = "ambiguous"
    """It is not, but only because the vendor may have acted on it already."""


_ALWAYS = MappingProxyType(dict.fromkeys(Replay, Retry.YES))
_NEVER = MappingProxyType(dict.fromkeys(Replay, Retry.NO))
_IF_HARMLESS = MappingProxyType({**_ALWAYS, Replay.ASK: Retry.AMBIGUOUS, Replay.INSERT: Retry.AMBIGUOUS})


@frozen
class FailureRule:
    """One failure and what is done about it.

    Attributes:
        kind: its key.
        title: what messages call it.
        retry: by replay class, whether the request is sent again.
        delivered: whether the vendor may have acted; None where the transport must say.
        error: what is raised in the end.
        backoff: the waits.
        hint: what to do; `{proxy}` stands for what names the proxy.
        error_kind: what the error's `kind` says, where that is not the rule's own.
        permanent: whether it recurs until somebody changes something.
    """

    kind: str
    title: str
    retry: Mapping[Replay, Retry] = field(repr=False)
    delivered: bool | None
    error: type[UnichatError]
    backoff: Backoff = Backoff.SERVER
    hint: str = ""
    error_kind: str = ""
    permanent: bool = False


_LATER = "Try again later."
_EXHAUSTED = "Raise the limits of the process (ulimit -n, ulimit -u), or make fewer calls at a time."
_CHECK_NETWORK = "Check base_url, the network and the vendor's status page."
_PROXY = "Check {proxy} and NO_PROXY."
_PROXY_LOGIN = "Put its user and password into {proxy}, and check NO_PROXY."
_DEADLINE = Template("Allow more with ", Argument("deadline"), ".")
_PACE = Template("Raise rate, or allow more with ", Argument("deadline"), ".")
_FIRST_EVENT = Template(
    "The vendor may have received it: check the history, and allow more with ", Argument("first_event_timeout"), "."
)
_CIRCUIT = "The vendor failed several times in a row: see its status page; a probe is sent automatically."
_CHECK_HISTORY = "The vendor may have received it: check the history before asking again."
_CERTIFICATE = "Check the clock, and point ca_bundle (or REQUESTS_CA_BUNDLE) at the authority that signed it."
_VENDOR_CHANGED = "The vendor's API may have changed, or something in between is answering; check base_url."
_REFILL = "Wait for the allowance to refill, or have the vendor increase it."
_REDIRECT = "unichat follows no redirects, so that the key stays with its host: fix base_url."
_TOKEN = "Check the key or token, and that it has not expired."
_KEY_SCOPE = "Check that the key or token belongs to this project or bot."

RULES: tuple[FailureRule, ...] = (
    FailureRule("dns", "host name not found", _ALWAYS, False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    FailureRule("refused", "connection refused", _ALWAYS, False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    FailureRule(
        "connect_timeout", "no connection in time", _ALWAYS, False, errors.ConnectionFailed, hint=_CHECK_NETWORK
    ),
    FailureRule(
        "exhausted",
        "this process cannot open another connection or thread",
        _ALWAYS,
        False,
        errors.ConnectionFailed,
        hint=_EXHAUSTED,
    ),
    FailureRule("proxy", "the proxy refused", _ALWAYS, False, errors.ConnectionFailed, hint=_PROXY),
    FailureRule("tls", "TLS handshake failed", _ALWAYS, False, errors.ConnectionFailed, hint=_CHECK_NETWORK),
    FailureRule(
        "certificate",
        "TLS certificate not trusted",
        _NEVER,
        False,
        errors.ConnectionFailed,
        hint=_CERTIFICATE,
        permanent=True,
    ),
    FailureRule(
        "proxy_auth",
        "proxy authentication required (407)",
        _NEVER,
        False,
        errors.ConnectionFailed,
        hint=_PROXY_LOGIN,
        error_kind="proxy",
        permanent=True,
    ),
    FailureRule(
        "unsent",
        "connection lost before sending",
        _ALWAYS,
        False,
        errors.ConnectionFailed,
        hint=_LATER,
        error_kind="closed",
    ),
    FailureRule(
        "cancelled",
        "the client was closed",
        _NEVER,
        None,
        errors.ConnectionFailed,
        hint="Create a new client.",
        error_kind="closed",
        permanent=True,
    ),
    FailureRule(
        "reset",
        "connection reset before the response",
        _IF_HARMLESS,
        True,
        errors.ConnectionFailed,
        hint=_CHECK_HISTORY,
    ),
    FailureRule(
        "closed",
        "connection closed before the response",
        _IF_HARMLESS,
        True,
        errors.ConnectionFailed,
        hint=_CHECK_HISTORY,
    ),
    FailureRule(
        "read_timeout", "no response in time", _IF_HARMLESS, True, errors.ConnectionFailed, hint=_CHECK_HISTORY
    ),
    FailureRule("deadline", "the deadline passed", _NEVER, None, errors.DeadlineExceeded, hint=_DEADLINE),
    FailureRule(
        "first_event", "the stream did not begin in time", _NEVER, True, errors.DeadlineExceeded, hint=_FIRST_EVENT
    ),
    FailureRule("paced", "no pacing slot within the deadline", _NEVER, False, errors.DeadlineExceeded, hint=_PACE),
    FailureRule("circuit", "the circuit breaker is open", _NEVER, False, errors.CircuitOpen, hint=_CIRCUIT),
    FailureRule("head", "not a valid HTTP response", _IF_HARMLESS, True, errors.InvalidResponse, hint=_VENDOR_CHANGED),
    FailureRule("truncated", "response truncated", _IF_HARMLESS, True, errors.InvalidResponse, hint=_CHECK_HISTORY),
    FailureRule(
        "stalled",
        "response stalled",
        _IF_HARMLESS,
        True,
        errors.InvalidResponse,
        hint=_CHECK_HISTORY,
        error_kind="truncated",
    ),
    FailureRule(
        "too_large",
        "response too large",
        _NEVER,
        True,
        errors.InvalidResponse,
        hint=_VENDOR_CHANGED,
        permanent=True,
    ),
    FailureRule(
        "unreadable",
        "unexpected response format",
        _NEVER,
        True,
        errors.InvalidResponse,
        hint=_VENDOR_CHANGED,
        error_kind="shape",
        permanent=True,
    ),
    FailureRule("204", "no content instead of an answer", _NEVER, True, errors.NotFound, hint="Rephrase the question."),
    FailureRule(
        "3xx", "redirect", _NEVER, False, errors.InvalidResponse, hint=_REDIRECT, error_kind="redirect", permanent=True
    ),
    FailureRule(
        "400", "400, 413, 414, 422, 431", _NEVER, False, errors.InvalidInput, hint="Fix what the vendor names."
    ),
    FailureRule("401", "401", _NEVER, False, errors.AuthenticationError, hint=_TOKEN),
    FailureRule("403", "403", _NEVER, False, errors.PermissionDenied, hint=_KEY_SCOPE),
    FailureRule("404", "404, 405, 410", _NEVER, False, errors.NotFound, hint="Check the id and base_url."),
    FailureRule("408", "408, 425", _ALWAYS, False, errors.ServerError, hint=_LATER),
    FailureRule("429", "429", _ALWAYS, False, errors.RateLimited, Backoff.THROTTLED, hint="Send requests less often."),
    FailureRule("4xx", "other 4xx", _NEVER, False, errors.RequestRejected, hint="See the vendor's message."),
    FailureRule("503", "503", _ALWAYS, False, errors.ServerError, hint=_LATER),
    FailureRule(
        "507", "507, the token allowance", _ALWAYS, False, errors.InsufficientTokens, Backoff.TOKENS, hint=_REFILL
    ),
    FailureRule("5xx", "other 5xx", _ALWAYS, True, errors.ServerError, hint=_LATER),
    FailureRule(
        "unknown",
        "the transport reported a failure that is not one",
        _IF_HARMLESS,
        True,
        errors.ConnectionFailed,
        hint="Fix the transport: see unichat.transport.base.TransportFailure.",
        error_kind="closed",
    ),
    FailureRule(
        "stream_error",
        "a stream that starts with an error without a status",
        _ALWAYS,
        True,
        errors.ServerError,
        hint=_LATER,
    ),
)

_BY_KIND: Mapping[str, FailureRule] = {rule.kind: rule for rule in RULES}

_STATUS_KINDS = {
    204: "204", 401: "401", 407: "proxy_auth", 403: "403", 429: "429", 503: "503", 507: "507", 408: "408", 425: "408",
    **dict.fromkeys((400, 413, 414, 422, 431), "400"),
    **dict.fromkeys((404, 405, 410), "404"),
}  # fmt: skip


def rule_for_kind(kind: str) -> FailureRule:
    """Return the rule for a kind of `TransportFailure`, or for another kind in the table; `unknown` for any other."""
    return _BY_KIND.get(kind, _BY_KIND["unknown"])


def rule_for_status(status: int) -> FailureRule:
    """Return the rule for an HTTP status that is not a success."""
    if status in _STATUS_KINDS:
        return _BY_KIND[_STATUS_KINDS[status]]
    family = {3: "3xx", 4: "4xx", 5: "5xx"}.get(status // 100, "head")
    return _BY_KIND[family]


def error_for(rule: FailureRule, failure: TransportFailure | ErrorResponse, **context: Any) -> UnichatError:
    """Return the error that `rule` prescribes for `failure`; `context` holds backend, operation and the like."""
    hint: str = rule.hint
    if "{proxy}" in hint:
        proxy = failure.proxy if isinstance(failure, TransportFailure) else ""
        hint = hint.format(proxy=proxy or "HTTPS_PROXY")
    context.update(hint=hint, maybe_delivered=rule.delivered)
    if rule.error in (errors.ConnectionFailed, errors.InvalidResponse):
        context.update(kind=rule.error_kind or rule.kind, retryable=not rule.permanent)
    if isinstance(failure, TransportFailure):
        if failure.delivered is not None:
            context["maybe_delivered"] = failure.delivered
        return rule.error(f"{rule.title}: {failure.detail}" if failure.detail else rule.title, **context)
    # A status that is only in the body does not appear in any proxy's log.
    message = f"HTTP {failure.status}"
    if failure.http_status not in (None, failure.status):
        message = f"status {failure.status} in the body (HTTP {failure.http_status})"
    if failure.message:
        message += f": {shorten(failure.message)}"
    context.update(status=failure.status, hint=failure.hint or hint)
    if rule.kind == "3xx":
        # A 303 is the response to a request that was acted on.
        context["maybe_delivered"] = failure.status == 303
    elif rule.error is errors.InvalidInput:
        context.update(source="vendor", argument=failure.argument)
    elif rule.error is errors.NotFound:
        context["what"] = failure.what
    return rule.error(message, **context)
