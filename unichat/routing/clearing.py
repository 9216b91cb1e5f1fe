"""Clearing a person's conversations wherever a route's members can, and what each of them did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve

from unichat._text.templates import Template
from unichat.errors import InvalidInput, UnichatError, Unsupported
from unichat.execution.effects import Program
from unichat.models import ClearOutcome, ClearResult
from unichat.record import CallRecord
from unichat.routing.asking import share_deadline
from unichat.routing.failures import describe_failures, merge_attempts
from unichat.routing.members import Member
from unichat.transport.base import Deadline

_ORDER = (ClearOutcome.CLEARED, ClearOutcome.DETACHED, ClearOutcome.NOTHING_TO_CLEAR)
"""Which outcome the whole has: the first of these that a member has. What could not be removed is still there."""


def clear_members(
    members: Sequence[Member], begin: Callable[[Member, Deadline], Program[ClearResult]], deadline: Deadline
) -> Program[ClearResult]:
    """Clear with each member, one after the other.

    Args:
        members: the route's.
        begin: makes the program that clears with one of them, within a deadline.
        deadline: of the whole call, of which each member has an equal share of what is left.

    Returns:
        The result, with each member's own, or its error, in `parts`.

    Raises:
        UnichatError: no member could clear anything; it names each.
    """
    parts: dict[str, ClearResult | UnichatError] = {}
    records: list[tuple[float, CallRecord | None]] = []
    for index, member in enumerate(members):
        share = share_deadline(deadline, len(members) - index, streamed=False)
        part: ClearResult | UnichatError
        try:
            part = yield from begin(member, share)
        except UnichatError as error:
            part = error
        if isinstance(part, UnichatError) and part.stopped_by == "cancelled":
            # The client was closed meanwhile. Not within the handler: it would keep what it stands for.
            raise part from part.__cause__
        parts[member.name] = part
        records.append((share.started - deadline.started, part.call))
    return _combine(parts, records, deadline)


def clear_once(
    member: Member, thread: object, deadline: Deadline, arguments: Mapping[str, Any], done: dict[int, ClearResult]
) -> Program[ClearResult]:
    """Return the program that clears with a member, unless that was done: routes below one may share clients.

    Args:
        member: its arguments are checked at once.
        thread, deadline, arguments: of `clear_history`.
        done: the results of plain clients so far, by the clients' identities; gets this one's.
    """
    if member.client.members:
        return member.asked._clear(thread, deadline=deadline, done=done, **arguments)  # type: ignore[no-any-return]
    return _clear_once(id(member.client), member.asked._clear(thread, deadline=deadline, **arguments), done)


def _clear_once(client: int, clearing: Program[ClearResult], done: dict[int, ClearResult]) -> Program[ClearResult]:
    if client in done:
        clearing.close()
        # The record is that of the first.
        return evolve(done[client], call=None)
    done[client] = yield from clearing
    return done[client]


def _combine(
    parts: dict[str, ClearResult | UnichatError], records: list[tuple[float, CallRecord | None]], deadline: Deadline
) -> ClearResult:
    results = [part for part in parts.values() if isinstance(part, ClearResult)]
    if results:
        best = min(results, key=lambda result: _ORDER.index(result.outcome))
        return evolve(best, parts=parts, call=_add_attempts(best.call, records, deadline))
    errors = [(name, part) for name, part in parts.items() if isinstance(part, UnichatError)]
    # What failed matters more than what no vendor of that kind can do.
    error = next((each for _, each in errors if not isinstance(each, Unsupported | InvalidInput)), errors[0][1])
    if len(errors) > 1:
        error.message = Template("no member cleared anything: ", describe_failures(errors))
    error.call = _add_attempts(error.call, records, deadline)
    raise error from error.__cause__


def _add_attempts(
    record: CallRecord | None, records: list[tuple[float, CallRecord | None]], deadline: Deadline
) -> CallRecord | None:
    """Return a record, or if it is None the last of all, with the attempts of all; None if nothing was sent."""
    record = record or next((each for _, each in reversed(records) if each is not None), None)
    return None if record is None else merge_attempts(record, records, deadline)
