"""What is logged of an operation: each wait for another attempt, and the error that ends it."""

from __future__ import annotations

from typing import Any

from unichat._text.log import log
from unichat.adapter import Operation, StreamOperation
from unichat.errors import UnichatError
from unichat.execution.record_builder import RecordBuilder
from unichat.policy.judge import name_outcome


def log_wait(
    operation: Operation[Any] | StreamOperation[Any], facts: RecordBuilder, error: UnichatError, seconds: float
) -> None:
    """Log that an attempt failed with `error`, and that another one follows in `seconds`."""
    log.info(
        "%s %s [%s]: attempt %d: %s; waiting %.2f s",
        operation.backend,
        operation.name,
        facts.call_id,
        len(facts.attempts),
        name_outcome(error),
        seconds,
    )


def log_error(error: UnichatError, facts: RecordBuilder, *, with_content: bool) -> None:
    """Log the error that ends an operation; a vendor's own message only `with_content`."""
    line = str(error)
    message = facts.vendor.message
    if message and not with_content:
        # A vendor that refuses a question may quote it.
        line = line.replace(message, "(the vendor's message: see log_content)")
    log.warning("%s [%s]", line, facts.call_id, extra={"unichat_error": error})
