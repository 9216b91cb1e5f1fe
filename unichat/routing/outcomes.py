"""What a member's failure amounts to, for a route that may ask another: the kinds that `fall_back_on` can name."""

from __future__ import annotations

from unichat.errors import (
    AccessDenied,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidResponse,
    NotFound,
    RateLimited,
    ServerError,
    UnichatError,
)
from unichat.routing.settings import Reason

UNCERTAIN: Reason = "uncertain"
"""The kind of an answer that the vendor itself marks as uncertain."""

_KINDS: tuple[tuple[type[UnichatError], Reason], ...] = (
    (RateLimited, "rate_limited"),
    (ServerError, "unavailable"),
    (ConnectionFailed, "unavailable"),
    (DeadlineExceeded, "unavailable"),
    (InvalidResponse, "unavailable"),
    (AccessDenied, "refused"),
    (NotFound, "not_found"),
)


def classify_failure(error: UnichatError) -> Reason | None:
    """Return the kind of a member's failure, as `fall_back_on` names it; None where no other member is asked.

    None are the caller's own mistakes (`InvalidInput`, `Unsupported`, `RequestRejected`), a thread that belongs
    elsewhere, a stream that broke after its first event, and a client that was closed meanwhile.
    """
    if error.stopped_by == "cancelled":
        return None
    return next((kind for known, kind in _KINDS if isinstance(error, known)), None)
