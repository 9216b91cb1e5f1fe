"""How long to wait between attempts: exponential backoff with full jitter, or the wait that the vendor asks for."""

from __future__ import annotations

import enum
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from unichat.adapter import PolicySettings


class Backoff(enum.Enum):
    """Which waits a failure calls for. The numbers are settings: the names of the first wait and of the cap."""

    SERVER = ("backoff", "backoff_cap", 10.0)
    THROTTLED = ("throttle_backoff", "throttle_backoff_cap", 5.0)
    TOKENS = ("token_backoff", "token_backoff_cap", 5.0)
    """A token allowance refills slowly."""
    AT_ONCE = ("", "", 0.0)
    """For a call that was rejected only because of its token, and has a new one."""

    @property
    def cost(self) -> float:
        """What a retry costs the budget."""
        return self.value[2]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for, or None where it is absent or malformed.

    It may be ASCII digits or an HTTP date in any of its three forms; a date counts from the answer's own `Date`, so
    that a wrong clock on this machine does not matter. A date that has passed means 0.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        # As many digits are for ever already, and far more of them would be infinity.
        return float(value.lstrip("0")[:16] or "0")
    then = _http_date(value)
    if then is None:
        return None
    now = _http_date(headers.get("date", ""))
    return max(0.0, then - (time.time() if now is None else now))


_END_OF_DATE = re.compile(r"(GMT| [0-9]{4})$")
"""An HTTP date ends in GMT, or, in the oldest of its three forms, with the year."""


def _http_date(value: str) -> float | None:
    if not _END_OF_DATE.search(value):
        return None
    try:
        then = parsedate_to_datetime(value)
        # The oldest of the three forms has no zone, but is in GMT too.
        return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def longest_wait(policy: PolicySettings, backoff: Backoff, attempt: int) -> float:
    """Return the upper end of the wait after `attempt` (counted from 1), in seconds."""
    if backoff is Backoff.AT_ONCE:
        return 0.0
    first, cap, _ = backoff.value
    return float(min(getattr(policy, cap), math.ldexp(getattr(policy, first), min(attempt - 1, 60))))
