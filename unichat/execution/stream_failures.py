"""What can break a stream, and what it is called where it is judged."""

from __future__ import annotations

from attrs import evolve

from unichat.adapter import StreamFailure
from unichat.errors import InvalidInput, UnichatError
from unichat.policy.mistakes import is_mistake
from unichat.transport.base import TransportFailure


class BodyFailure(Exception):
    """The transport's failure, on its way from where the body is read to the consumer."""

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
