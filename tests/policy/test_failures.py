import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from unichat import errors
from unichat.adapter import ErrorResponse, Replay
from unichat.errors import UnichatError
from unichat.policy.backoff import Backoff
from unichat.policy.failures import RULES, Retry, error_for, rule_for_kind, rule_for_status
from unichat.transport.base import TransportFailure

LETTERS = {"Y": Retry.YES, "N": Retry.NO, "C": Retry.AMBIGUOUS}
ORDER = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)


@frozen
class Row:
    again: str
    delivered: bool | None
    error: type[UnichatError]
    backoff: Backoff = Backoff.SERVER


# Written out a second time, from what is promised and not from the code: the letters stand for ASK, INSERT, UPSERT,
# READ and CLEAR; Y is sent again, N never, C not, since the vendor may have acted on it.
PROMISED = {
    "dns": Row("YYYYY", False, errors.ConnectionFailed),
    "refused": Row("YYYYY", False, errors.ConnectionFailed),
    "connect_timeout": Row("YYYYY", False, errors.ConnectionFailed),
    "proxy": Row("YYYYY", False, errors.ConnectionFailed),
    "tls": Row("YYYYY", False, errors.ConnectionFailed),
    "certificate": Row("NNNNN", False, errors.ConnectionFailed),
    "reset": Row("CCYYY", True, errors.ConnectionFailed),
    "closed": Row("CCYYY", True, errors.ConnectionFailed),
    "read_timeout": Row("CCYYY", True, errors.ConnectionFailed),
    "deadline": Row("NNNNN", None, errors.DeadlineExceeded),
    "head": Row("CCYYY", True, errors.InvalidResponse),
    "truncated": Row("CCYYY", True, errors.InvalidResponse),
    "stalled": Row("CCYYY", True, errors.InvalidResponse),
    "too_large": Row("NNNNN", True, errors.InvalidResponse),
    "unreadable": Row("NNNNN", True, errors.InvalidResponse),
    "stream_error": Row("YYYYY", True, errors.ServerError),
}
OF_OUR_OWN = {
    "unsent": Row("YYYYY", False, errors.ConnectionFailed),
    "unknown": Row("CCYYY", True, errors.ConnectionFailed),
    "exhausted": Row("YYYYY", False, errors.ConnectionFailed),
    "cancelled": Row("NNNNN", None, errors.ConnectionFailed),
    "first_event": Row("NNNNN", True, errors.DeadlineExceeded),
    "paced": Row("NNNNN", False, errors.DeadlineExceeded),
    "circuit": Row("NNNNN", False, errors.CircuitOpen),
}
"""Failures that come of our own doing, or that only the connection can tell."""
STATUSES = {
    **{status: Row("NNNNN", False, errors.InvalidResponse) for status in (300, 301, 302, 304, 307, 308)},
    303: Row("NNNNN", True, errors.InvalidResponse),
    **{status: Row("NNNNN", False, errors.InvalidInput) for status in (400, 413, 414, 422, 431)},
    401: Row("NNNNN", False, errors.AuthenticationError),
    403: Row("NNNNN", False, errors.PermissionDenied),
    **{status: Row("NNNNN", False, errors.NotFound) for status in (404, 405, 410)},
    **{status: Row("YYYYY", False, errors.ServerError) for status in (408, 425)},
    **{status: Row("NNNNN", False, errors.RequestRejected) for status in (402, 406, 409, 411, 415, 418, 451, 499)},
    429: Row("YYYYY", False, errors.RateLimited, Backoff.THROTTLED),
    503: Row("YYYYY", False, errors.ServerError),
    **{status: Row("YYYYY", True, errors.ServerError) for status in (500, 501, 502, 504, 505, 508, 520, 599)},
    507: Row("YYYYY", False, errors.InsufficientTokens, Backoff.TOKENS),
    204: Row("NNNNN", True, errors.NotFound),
    **{status: Row("CCYYY", True, errors.InvalidResponse) for status in (100, 101, 103, 199, 600, 999)},
}


def check(row, promised):
    assert row.error is promised.error
    assert row.backoff is promised.backoff
    for letter, replay in zip(promised.again, ORDER, strict=True):
        assert row.retry[replay] is LETTERS[letter]


@pytest.mark.parametrize("kind", PROMISED)
def test_a_failure_without_an_answer_means_what_is_promised(kind):
    check(rule_for_kind(kind), PROMISED[kind])
    error = error_for(rule_for_kind(kind), TransportFailure(kind), backend="echo", operation="chat")
    assert type(error) is PROMISED[kind].error
    assert error.maybe_delivered is PROMISED[kind].delivered


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_means_what_is_promised(status):
    check(rule_for_status(status), STATUSES[status])
    # Of redirects, only a 303 is the answer to a request that was acted on, which the error says.
    assert rule_for_status(status).delivered is (STATUSES[status].delivered and status != 303)
    error = error_for(rule_for_status(status), ErrorResponse(status=status), backend="echo", operation="chat")
    assert type(error) is STATUSES[status].error
    assert error.status == status
    assert error.maybe_delivered is STATUSES[status].delivered


def test_a_proxy_that_requires_authentication_is_a_failed_connection():
    check(rule_for_status(407), Row("NNNNN", False, errors.ConnectionFailed))
    assert rule_for_status(407).delivered is False


@pytest.mark.parametrize("kind", OF_OUR_OWN)
def test_a_failure_of_our_own_doing_is_treated_as_promised(kind):
    check(rule_for_kind(kind), OF_OUR_OWN[kind])
    assert rule_for_kind(kind).delivered is OF_OUR_OWN[kind].delivered


def test_every_row_of_the_table_is_promised_by_a_failure_or_a_status():
    assert {row.kind for row in RULES} == {
        *PROMISED,
        *OF_OUR_OWN,
        *(rule_for_status(status).kind for status in (*STATUSES, 407)),
    }
    assert all(rule_for_kind(row.kind) is row for row in RULES)


@given(st.integers(-(10**6), 10**6))
def test_every_status_has_a_row(status):
    assert rule_for_status(status) in RULES


@given(st.integers(500, 599))
def test_every_5xx_is_retried(status):
    assert set(rule_for_status(status).retry.values()) == {Retry.YES}


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.kind)
def test_every_error_says_what_to_do(row):
    assert row.hint
    assert error_for(row, TransportFailure(row.kind), backend="echo", operation="chat").hint


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dns", True), ("refused", True), ("connect_timeout", True), ("proxy", True), ("tls", True),
        ("certificate", False), ("reset", True), ("closed", True), ("read_timeout", True), ("deadline", True),
        ("too_large", False), ("unreadable", False), ("stream_error", True), ("proxy_auth", False),
        ("cancelled", False), ("exhausted", True), ("unsent", True), ("unknown", True), ("truncated", True),
    ],
)  # fmt: skip
def test_a_failure_says_whether_the_same_call_may_succeed_later(kind, expected):
    assert (
        error_for(rule_for_kind(kind), TransportFailure(kind), backend="echo", operation="chat").retryable is expected
    )


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_says_whether_the_same_call_may_succeed_later(status):
    if not 200 <= status < 600:
        return
    error = error_for(rule_for_status(status), ErrorResponse(status=status), backend="echo", operation="chat")
    assert error.retryable is (status >= 500 or status in (408, 425, 429))


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("refused", "refused"),
        ("head", "head"),
        ("stalled", "truncated"),
        ("unreadable", "shape"),
        ("too_large", "too_large"),
    ],
)
def test_an_error_of_a_kind_names_it(kind, shown):
    assert error_for(rule_for_kind(kind), TransportFailure(kind), backend="echo", operation="chat").kind == shown


def test_an_error_shows_the_words_of_the_network():
    error = error_for(
        rule_for_kind("refused"), TransportFailure("refused", "Connection refused"), backend="echo", operation="chat"
    )
    assert str(error).startswith("echo chat: connection refused: Connection refused. Check base_url")
    assert error_for(rule_for_kind("dns"), TransportFailure("dns")).message == "host name not found"


@pytest.mark.parametrize(
    ("kind", "failure", "hint"),
    [
        ("proxy", TransportFailure("proxy", proxy="ALL_PROXY"), "Check ALL_PROXY and NO_PROXY."),
        ("proxy", TransportFailure("proxy"), "Check HTTPS_PROXY and NO_PROXY."),
        (
            "proxy_auth",
            ErrorResponse(status=407),
            "Put its user and password into HTTPS_PROXY, and check NO_PROXY.",
        ),
    ],
)
def test_the_hint_of_a_proxys_failure_names_what_names_the_proxy(kind, failure, hint):
    assert error_for(rule_for_kind(kind), failure).hint == hint


def test_a_rule_is_shown_without_its_table_of_retries():
    assert "retry" not in repr(rule_for_kind("dns"))


@pytest.mark.parametrize("delivered", [True, False])
def test_the_transport_may_know_better_whether_it_was_delivered(delivered):
    assert (
        error_for(rule_for_kind("deadline"), TransportFailure("deadline", delivered=delivered)).maybe_delivered
        is delivered
    )


def test_an_error_shows_the_vendors_words_trimmed_and_escaped():
    problem = ErrorResponse(
        status=404, message="no\nsuch \x1b[2J thread" + "!" * 400, what="thread", hint="Look again."
    )
    error = error_for(rule_for_status(404), problem, backend="echo", operation="chat")
    assert error.message.startswith("HTTP 404: no such \\x1b[2J thread!!!")
    assert len(error.message) < 320
    assert error.what == "thread"
    assert error.hint == "Look again."


def test_a_refused_argument_is_the_vendors_refusal_and_named():
    error = error_for(rule_for_status(422), ErrorResponse(status=422, argument="query.message"), backend="echo")
    assert (error.source, error.argument, error.status) == ("vendor", "query.message", 422)


def test_a_redirect_is_named_as_such():
    error = error_for(rule_for_status(302), ErrorResponse(status=302), backend="echo")
    assert error.kind == "redirect"
    assert "base_url" in error.hint
