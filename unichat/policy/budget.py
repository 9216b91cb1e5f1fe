"""A retry budget: when a vendor is down, retries must not multiply the load."""

from __future__ import annotations

import threading


class Budget:
    """A bucket of tokens for one client. Retries take from it, successes return some; it starts full.

    In a full outage it allows `capacity / 10` retries and then none; in the steady state, retries that do not help stay
    under about a tenth of the calls, and those that help are free.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._remaining = float(capacity)
        self._lock = threading.RLock()

    def take(self, cost: float) -> bool:
        """Take `cost` tokens for a retry; False if there are not enough, and then none are taken."""
        with self._lock:
            if cost > self._remaining:
                return False
            self._remaining -= cost
            return True

    def give(self, amount: float) -> None:
        """Give tokens back after a success; the bucket never holds more than its capacity."""
        with self._lock:
            self._remaining = min(float(self._capacity), self._remaining + amount)

    @property
    def remaining(self) -> float:
        """The tokens left."""
        return self._remaining
