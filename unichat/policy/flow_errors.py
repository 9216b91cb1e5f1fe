"""What an error amounts to that an adapter's flow raises of its own: the same as one raised where an answer is parsed.

A flow may read a result itself instead of leaving that to `parse`. By then something was sent, and the vendor acted on
it, so the error must say that the question may have been delivered, and tell the story of the call.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from unichat._text.log import log
from unichat._text.printable import shorten
from unichat.errors import AdapterError, InvalidInput, InvalidResponse, UnichatError
from unichat.policy.failures import rule_for_kind
from unichat.policy.mistakes import adapter_error
from unichat.record import CallRecord


def judge_flow_error(
    problem: Exception,
    redact: Callable[[str], str],
    *,
    backend: str | None,
    operation: str | None,
    record: CallRecord | None,
    has_question: bool,
) -> UnichatError:
    """Return the error to raise for `problem`, which a flow raised.

    Args:
        backend, operation: of the call, as far as it is a neutral one.
        record: of the question, or else of the last operation that succeeded; None if none has.
        has_question: whether it is that of a question.
    """
    backend = backend or (record.backend if record is not None else "the backend")
    if isinstance(problem, InvalidInput) and has_question and problem.source == "local":
        # What the vendor answered does not fit a model, such as an id of a megabyte: not the caller's mistake.
        problem = InvalidResponse(f"{backend}'s adapter could not read the answer ({shorten(problem.message)})")
    if not isinstance(problem, UnichatError):
        error: UnichatError = adapter_error("made a mistake", problem, redact, backend=backend, operation=operation)
    else:
        error = problem
        # The frames of its reader hold the whole answer.
        error.__traceback__ = None
    if record is not None and isinstance(error, AdapterError | InvalidResponse):
        _complete(error, record, redact)
    return error


def _complete(error: AdapterError | InvalidResponse, record: CallRecord, redact: Callable[[str], str]) -> None:
    rule = rule_for_kind("unreadable")
    error.message = redact(error.message)
    error.backend, error.operation, error.status = record.backend, record.operation, record.status
    error.maybe_delivered = rule.delivered
    error.hint = error.hint or rule.hint
    if isinstance(error, InvalidResponse):
        error.excerpt = redact(error.excerpt)
    error.call = evolve(
        record,
        maybe_delivered=error.maybe_delivered,
        retryable=error.retryable,
        retry_after=error.retry_after,
        stopped_by="not_retryable",
    )
    log.warning("%s [%s]", error, record.call_id, extra={"unichat_error": error})
