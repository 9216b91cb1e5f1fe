"""The failures of a route's members: the attempts of all of them in one record, and one error that names each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from unichat._text.templates import Template
from unichat.errors import UnichatError
from unichat.record import CallRecord
from unichat.routing.members import Member
from unichat.transport.base import Deadline


@frozen(eq=False)
class Failure:
    """What became of one member that was asked.

    Attributes:
        began: seconds into the route's call when it was asked.
        error: why it did not answer; None where it did, and its answer was uncertain.
        record: of its call; None if nothing was sent.
    """

    member: Member
    began: float
    error: UnichatError | None
    record: CallRecord | None


def name_failure(name: str, error: UnichatError) -> UnichatError:
    """Return the error of a member with its name in the message."""
    error.message = Template(f"{name}: ", error.message)
    return error


def describe_failures(failures: Iterable[tuple[str, UnichatError]]) -> str:
    """Return what became of each member, in words."""
    parts: list[str] = []
    for name, error in failures:
        parts += ["; " if parts else "", f"{name}: ", error.message]
    return Template(*parts)


def merge_attempts(
    record: CallRecord, calls: Iterable[tuple[float, CallRecord | None]], deadline: Deadline
) -> CallRecord:
    """Return a member's record with the attempts of all members, timed from the beginning of the route's call.

    Args:
        record: of the member's call.
        calls: of each member that was asked, in order: seconds into the route's call, and its record if it has one.
        deadline: of the route's call.
    """
    attempts = [
        evolve(attempt, started=attempt.started + began)
        for began, call in calls
        if call is not None
        for attempt in call.attempts
    ]
    numbered = tuple(evolve(attempt, number=number) for number, attempt in enumerate(attempts, 1))
    return evolve(record, attempts=numbered, elapsed=deadline.elapsed())


def combine_failures(failures: Sequence[Failure], deadline: Deadline) -> UnichatError:
    """Return the last member's error, which tells of all that were asked, for what no member answered."""
    asked = [(failure.member.name, failure.error) for failure in failures if failure.error is not None]
    last = asked[-1][1]
    calls = [(failure.began, failure.record) for failure in failures]
    newest = next((record for _, record in reversed(calls) if record is not None), None)
    if len(asked) > 1:
        last.message = Template("no member answered: ", describe_failures(asked))
        last.retryable = any(error.retryable for _, error in asked)
        delivered = [error.maybe_delivered for _, error in asked]
        last.maybe_delivered = True if True in delivered else None if None in delivered else False
        if newest is not None:
            record = merge_attempts(newest, calls, deadline)
            last.call = evolve(record, retryable=last.retryable, maybe_delivered=last.maybe_delivered)
    return last
