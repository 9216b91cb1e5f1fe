"""What a member's failure amounts to: every error of the tree, and every rule of the failure table."""

from __future__ import annotations

import pytest

from unichat import errors
from unichat.errors import UnichatError
from unichat.policy.failures import RULES, FailureRule
from unichat.record import CallRecord
from unichat.routing.outcomes import classify_failure

KINDS = {
    "RateLimited": "rate_limited",
    "ServerError": "unavailable",
    "InsufficientTokens": "unavailable",
    "ConnectionFailed": "unavailable",
    "CircuitOpen": "unavailable",
    "DeadlineExceeded": "unavailable",
    "InvalidResponse": "unavailable",
    "AccessDenied": "refused",
    "AuthenticationError": "refused",
    "PermissionDenied": "refused",
    "NotFound": "not_found",
}


def _classes() -> list[type[UnichatError]]:
    return [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, UnichatError)]


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_classify_failure_of_each_error_is_its_kind_or_none(kind: type[UnichatError]) -> None:
    assert classify_failure(kind("x")) == KINDS.get(kind.__name__)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_classify_failure_of_each_rule_is_none_for_the_callers_own_mistakes_only(rule: FailureRule) -> None:
    mistakes = (errors.InvalidInput, errors.RequestRejected)
    assert (classify_failure(rule.error("x")) is None) == issubclass(rule.error, mistakes)


def test_classify_failure_of_a_client_that_was_closed_is_none() -> None:
    closed = errors.ConnectionFailed(
        "the client was closed", call=CallRecord(backend="b", operation="o", call_id="c", stopped_by="cancelled")
    )
    assert classify_failure(closed) is None
