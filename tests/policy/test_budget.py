"""The retry budget: what it allows in an outage, and what it costs a vendor that works."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from unichat.policy.budget import Budget


def test_a_full_bucket_allows_ten_retries_of_ten_tokens_and_then_none():
    budget = Budget(100)
    assert [budget.take(10) for _ in range(12)] == [True] * 10 + [False] * 2
    assert budget.remaining == 0


def test_a_retry_that_is_refused_costs_nothing():
    budget = Budget(7)
    assert not budget.take(10)
    assert budget.remaining == 7
    assert budget.take(5)


def test_returned_tokens_never_overflow_the_bucket():
    budget = Budget(100)
    budget.give(50)
    assert budget.remaining == 100
    budget.take(10)
    budget.give(1)
    assert budget.remaining == 91


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 50)), max_size=200))
def test_the_bucket_holds_between_nothing_and_its_capacity(steps):
    budget = Budget(100)
    for taking, amount in steps:
        if taking:
            budget.take(amount)
        else:
            budget.give(amount)
        assert 0 <= budget.remaining <= 100


def test_threads_together_take_no_more_than_the_bucket_holds():
    budget = Budget(100)
    taken = []
    start = threading.Barrier(8)

    def take():
        start.wait()
        taken.extend(budget.take(10) for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 10
