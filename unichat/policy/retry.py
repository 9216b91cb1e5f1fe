"""Whether and when there is another attempt: tenacity decides, stepped by its own `iter`, so that it never sleeps.

tenacity computes the wait first, then asks whether to stop, so the reasons to stop can depend on the wait.
"""

from __future__ import annotations

import random

# With the client, and not with the first failure: there may be no file descriptor left to read it with by then, and it
# would hold up an event loop.
from tenacity import DoSleep, RetryCallState, Retrying, retry_if_result

from unichat.adapter import PolicySettings
from unichat.policy.backoff import longest_wait
from unichat.policy.budget import Budget
from unichat.policy.failures import Retry
from unichat.policy.judge import Failed
from unichat.transport.base import Deadline


class Retries:
    """The retries of one operation. No I/O: it says how long to wait, and its caller waits.

    Attributes:
        stopped_by: why there is no further attempt, once it is known: `attempts`, `retry_after`, `deadline`, `budget`.
    """

    def __init__(self, policy: PolicySettings, deadline: Deadline, budget: Budget) -> None:
        self.stopped_by: str | None = None
        self._policy = policy
        self._deadline = deadline
        self._budget = budget
        self._cost = 0.0
        self._charged = 0.0
        """What the budget was charged for a retry that has not been made yet."""
        self._retrying = Retrying(
            retry=retry_if_result(lambda failed: failed.retry is Retry.YES),
            wait=self._wait,
            stop=self._stop,
            retry_error_callback=lambda _: None,
        )
        self._retrying.begin()
        self._state = RetryCallState(self._retrying, None, (), {})

    def next_wait(self, failed: Failed) -> float | None:
        """Return how many seconds to wait before the next attempt, or None if there is none."""
        self._state.set_result(failed)
        action = self._retrying.iter(self._state)
        if not isinstance(action, DoSleep):
            return None
        self._state.prepare_for_next_attempt()
        return float(action)

    def _wait(self, state: RetryCallState) -> float:
        failed = _outcome(state)
        # Full jitter: clients that failed together do not come back together.
        longest = longest_wait(self._policy, failed.backoff, state.attempt_number)
        wait = random.uniform(0, longest)  # noqa: S311
        return wait if failed.error.retry_after is None else max(wait, failed.error.retry_after)

    def _stop(self, state: RetryCallState) -> bool:
        failed = _outcome(state)
        self.stopped_by = stop_reason(failed, state.attempt_number, state.upcoming_sleep, self._deadline, self._policy)
        if self.stopped_by is None:
            # Last, so that the budget is charged only for a retry that will really be made.
            self._cost = failed.backoff.cost
            if self._budget.take(self._cost):
                self._charged = self._cost
            else:
                self.stopped_by = "budget"
        return self.stopped_by is not None

    def commit_charge(self) -> None:
        """Keep what the budget was charged: the attempt is being made."""
        self._charged = 0.0

    def refund(self) -> None:
        """Return what the budget was charged for a retry that will not be made after all, if anything."""
        charged, self._charged = self._charged, 0.0
        if charged:
            # Not otherwise: a stream that is forgotten comes here from the garbage collector, perhaps while this thread
            # has the budget's lock.
            self._budget.give(charged)

    def reward(self) -> None:
        """Return what the last retry cost, since it helped."""
        self._budget.give(self._cost)


def stop_reason(
    failed: Failed, attempts: int, upcoming_wait: float, deadline: Deadline, policy: PolicySettings
) -> str | None:
    """Return why no further attempt follows one that may be repeated: the first reason that holds, or None."""
    if attempts >= policy.attempts:
        return "attempts"
    if failed.error.retry_after is not None and failed.error.retry_after > policy.retry_after_limit:
        return "retry_after"
    return "deadline" if upcoming_wait >= deadline.remaining() else None


def _outcome(state: RetryCallState) -> Failed:
    assert state.outcome is not None
    failed = state.outcome.result()
    assert isinstance(failed, Failed)
    return failed
