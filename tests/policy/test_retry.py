"""Whether and when there is another attempt, as tenacity decides it, step by step and without waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.adapter import PolicySettings
from unichat.errors import RateLimited, ServerError
from unichat.policy.backoff import Backoff, longest_wait
from unichat.policy.budget import Budget
from unichat.policy.failures import Retry
from unichat.policy.judge import Failed
from unichat.policy.retry import Retries, stop_reason
from unichat.transport.base import Deadline


def fail(backoff=Backoff.SERVER, retry_after=None, retry=Retry.YES):
    return Failed(ServerError("down", retry_after=retry_after), retry, backoff)


def endless():
    return Deadline(1e6, lambda: 0.0)


@pytest.mark.parametrize(
    ("attempts", "retry_after", "wait", "expected"),
    [
        (1, None, 1.0, None),
        (2, None, 1.0, None),
        (3, None, 1.0, "attempts"),
        (3, 90.0, 1e9, "attempts"),
        (1, 60.0, 60.0, None),
        (1, 60.1, 60.1, "retry_after"),
        (1, 90.0, 1e9, "retry_after"),
        (1, None, 99.9, None),
        (1, None, 100.0, "deadline"),
    ],
)
def test_the_first_reason_that_holds_ends_the_attempts(attempts, retry_after, wait, expected):
    deadline = Deadline(100.0, lambda: 0.0)
    assert stop_reason(fail(retry_after=retry_after), attempts, wait, deadline, PolicySettings()) == expected


@pytest.mark.parametrize("allowed", [1, 2, 3, 7])
def test_there_are_as_many_attempts_as_are_allowed(allowed):
    retries = Retries(PolicySettings(attempts=allowed), endless(), Budget(1000))
    waits = []
    while (wait := retries.next_wait(fail())) is not None:
        waits.append(wait)
    assert len(waits) == allowed - 1
    assert retries.stopped_by == "attempts"


@given(st.sampled_from(list(Backoff)), st.integers(2, 9))
def test_each_wait_is_within_the_backoff_of_its_attempt(backoff, attempts):
    policy = PolicySettings(attempts=attempts)
    retries = Retries(policy, endless(), Budget(1000))
    for number in range(1, attempts):
        assert 0 <= retries.next_wait(fail(backoff)) <= longest_wait(policy, backoff, number)
    assert retries.next_wait(fail(backoff)) is None


def test_a_wait_is_never_shorter_than_the_vendor_asks():
    retries = Retries(PolicySettings(), endless(), Budget(1000))
    limited = Failed(RateLimited("slow down", retry_after=40.0), Retry.YES, Backoff.THROTTLED)
    assert retries.next_wait(limited) == 40.0


def test_a_failure_that_must_not_be_retried_has_no_next_wait():
    retries = Retries(PolicySettings(), endless(), Budget(1000))
    assert retries.next_wait(fail(retry=Retry.NO)) is None
    assert retries.stopped_by is None


def test_a_retry_is_charged_and_refunded_unless_it_is_made():
    budget = Budget(100)
    retries = Retries(PolicySettings(), endless(), budget)
    assert retries.next_wait(fail()) is not None
    assert budget.remaining == 90
    retries.refund()
    assert budget.remaining == 100
    retries = Retries(PolicySettings(), endless(), budget)
    retries.next_wait(fail())
    retries.commit_charge()
    retries.refund()
    assert budget.remaining == 90
    retries.reward()
    assert budget.remaining == 100


def test_an_empty_budget_ends_the_attempts_and_costs_nothing():
    budget = Budget(9)
    retries = Retries(PolicySettings(), endless(), budget)
    assert retries.next_wait(fail()) is None
    assert (retries.stopped_by, budget.remaining) == ("budget", 9)


def test_a_retry_with_a_fresh_token_is_free_and_at_once():
    budget = Budget(0)
    retries = Retries(PolicySettings(), endless(), budget)
    assert retries.next_wait(fail(Backoff.AT_ONCE)) == 0.0


@pytest.mark.parametrize(("retry_after", "shortest"), [(None, 0.0), (0.0, 0.0), (0.25, 0.25)])
def test_a_wait_begins_at_nothing_or_at_what_the_vendor_asks_and_ends_at_the_longest(
    monkeypatch, retry_after, shortest
):
    for end, expected in ((min, shortest), (max, 0.5)):
        monkeypatch.setattr("random.uniform", lambda *ends, end=end: end(ends))
        retries = Retries(PolicySettings(), endless(), Budget(1000))
        assert retries.next_wait(fail(retry_after=retry_after)) == expected


def drain(budget):
    """Take half of what a budget holds, so that what is given back shows."""
    assert budget.take(50)
    return budget


def test_nothing_is_given_to_the_budget_where_nothing_was_charged():
    # A forgotten stream comes here from the garbage collector, perhaps while its thread has the budget's lock.
    budget = drain(Budget(100))
    retries = Retries(PolicySettings(), endless(), budget)
    budget.give = None
    retries.refund()
    assert budget.remaining == 50


def test_a_first_attempt_that_succeeds_earns_nothing():
    budget = drain(Budget(100))
    Retries(PolicySettings(), endless(), budget).reward()
    assert budget.remaining == 50


@pytest.mark.parametrize("made", [False, True])
def test_a_charge_is_refunded_at_most_once(made):
    budget = drain(Budget(100))
    retries = Retries(PolicySettings(), endless(), budget)
    assert retries.next_wait(fail()) is not None
    if made:
        retries.commit_charge()
    retries.refund()
    retries.refund()
    assert budget.remaining == (40 if made else 50)
