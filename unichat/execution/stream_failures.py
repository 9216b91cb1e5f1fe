"""What can break a stream, and what it is called where it is judged."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from unichat._text.templates import Template, Term
from unichat.adapter import Reply, StreamFailure
from unichat.errors import InvalidInput, StreamInterrupted, UnichatError
from unichat.execution.attempt import OperationRun
from unichat.models import Answer
from unichat.policy.failures import rule_for_kind
from unichat.policy.judge import Failed
from unichat.policy.mistakes import is_mistake
from unichat.transport.base import TransportFailure


class BodyFailure(Exception):
    """The transport's failure, raised from where the body is read to the consumer."""

    def __init__(self, failure: TransportFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def fail_before_first_event(failure: TransportFailure) -> TransportFailure:
    """Return what a failure before the first event is: idle time until then has a limit of its own."""
    return evolve(failure, kind="first_event") if failure.kind == "stalled" else failure


def is_stream_failure(problem: Exception) -> bool:
    """Return whether a stream breaks for `problem`; anything else, such as a signal's exception, passes through."""
    return isinstance(problem, BodyFailure | StreamFailure | UnichatError) or is_mistake(problem)


def closed_stream_error() -> InvalidInput:
    """Return the error for a look at a stream that is closed."""
    return InvalidInput("the stream is closed", hint="Read it before its block is left, or ask again.")


def as_stream_failure(problem: Exception) -> StreamFailure:
    """Return the failure that a decoder reports, or what a mistake of its own amounts to."""
    if isinstance(problem, StreamFailure):
        return problem
    return StreamFailure("record", f"the adapter could not read it ({type(problem).__name__})")


def build_interruption(
    problem: Exception, run: OperationRun[Any], head: Reply, count: int, partial: Answer | None
) -> tuple[StreamInterrupted, str]:
    """Return the error for a stream that broke after its first event, and why no further attempt is made.

    Args:
        problem: what broke it.
        run: the stream's run.
        head: the response's head.
        count: the number of events that came.
        partial: the answer as far as it came; None if there is none.
    """
    stopped_by = "not_retryable"
    hint = Template("The text so far is ", Term("in .text"), "; check the history before asking again.")
    verdict: UnichatError | None = None
    if isinstance(problem, BodyFailure):
        failure = problem.failure
        title = rule_for_kind(failure.kind).title
        reason = f"{title}: {failure.detail}" if failure.detail else title
        if failure.kind in ("deadline", "cancelled"):
            stopped_by = failure.kind
    else:
        report = as_stream_failure(problem)
        judged = _judge_interruption(run, report, head)
        reason = run.redact(report.reason)
        if report.response is not None:
            verdict = judged.error
            reason = verdict.message
            if not verdict.retryable:
                hint = Template("The text so far is ", Term("in .text"), ". ", verdict.hint)
    events = f"{count} event{'' if count == 1 else 's'}"
    error = StreamInterrupted(
        f"the stream broke after {events}: {reason}",
        hint=hint,
        backend=run.operation.backend,
        operation=run.operation.name,
        status=run.facts.status if verdict is None else verdict.status,
        retryable=verdict is None or verdict.retryable,
        retry_after=None if verdict is None else verdict.retry_after,
        events=count,
    )
    if partial is not None:
        error.text, error.sources = partial.text, partial.sources
        error.thread, error.answer_id = partial.thread, partial.id
    return error, stopped_by


def _judge_interruption(run: OperationRun[Any], failure: StreamFailure, head: Reply) -> Failed:
    """Return what a failure amounts to that ends a stream after its first event, and note what the vendor said."""
    judged = run.judge.stream_failure(failure, head)
    if judged.vendor is not None:
        run.facts.vendor = judged.vendor
    if judged.refresh_token:
        run.context.signing.forget(run.signatures)
    return judged
