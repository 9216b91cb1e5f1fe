"""Which member of a route a thread or an answer belongs to: by its vendor, and by its bot or project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from unichat._text.printable import format_value
from unichat._text.templates import Method, Template, Term
from unichat.client.values import check_answer
from unichat.errors import InvalidInput, ThreadMismatch
from unichat.models import Answer, ThreadRef
from unichat.routing.members import Member

Kind = Literal["thread", "answer"]


def find_owner(members: Sequence[Member], thread: ThreadRef, operation: str, expected: Member | None = None) -> Member:
    """Return the member that a thread belongs to; of several with a client of its bot or project, the first.

    That is, unless one is `expected`: whom the thread began with, if nothing has changed since.

    A thread without a scope, as references from before there were scopes are, belongs to the only member of its vendor.

    Raises:
        ThreadMismatch: it belongs to none of them, or may belong to more than one.
    """
    return _find(members, "thread", thread.backend, thread.scope, operation, expected)


def has_owner(members: Sequence[Member], thread: ThreadRef) -> bool:
    """Whether a thread belongs to a member of a route, or to one of several."""
    owners = [owner for member in members for owner in member.owners if owner.backend == thread.backend]
    return any(thread.scope is None or owner.scope in (None, thread.scope) for owner in owners)


def find_answer_owner(members: Sequence[Member], answer: object) -> Member:
    """Return the member whose vendor gave an answer: an `Answer`, an `Exchange`, a reference, its text form, or an id.

    Raises:
        InvalidInput: it is none of these, or a bare id, which could be any member's.
        ThreadMismatch: it belongs to none of them, or may belong to more than one.
    """
    identity, ref = check_answer(answer)
    if ref is not None:
        return _find(members, "answer", ref.backend, ref.scope, "feedback")
    profile = answer.profile if isinstance(answer, Answer) else None
    found: dict[object, Member] = {}
    for member in members:
        for owner in member.owners:
            if profile in (None, owner.profile):
                found.setdefault(owner.key, member)
    if len(found) == 1:
        return next(iter(found.values()))
    raise InvalidInput(
        f"the id {format_value(identity)} alone does not say which member gave the answer: {_list(members)}",
        hint=Template("Pass ", Term("answer.ref or str(answer.ref)"), ", which names the vendor."),
        argument="answer",
        operation="feedback",
        value=format_value(identity),
    )


def _find(
    members: Sequence[Member],
    kind: Kind,
    backend: str,
    scope: str | None,
    operation: str,
    expected: Member | None = None,
) -> Member:
    of_vendor = [(member, owner) for member in members for owner in member.owners if owner.backend == backend]
    if scope is None:
        owners = of_vendor
    else:
        owners = [each for each in of_vendor if each[1].scope == scope] or [
            each for each in of_vendor if each[1].scope is None
        ]
    if not owners:
        raise _mismatch(members, kind, backend, scope, operation)
    if len({owner.key for _, owner in owners}) > 1:
        raise _ambiguity([member for member, _ in owners], kind, backend, operation)
    return next((member for member, _ in owners if member is expected), owners[0][0])


def _list(members: Sequence[Member]) -> str:
    return ", ".join(member.describe() for member in dict.fromkeys(members))


def _restart(kind: Kind) -> Template:
    return Template(", or start a new thread with ", Method("chat")) if kind == "thread" else Template("")


def _mismatch(members: Sequence[Member], kind: Kind, backend: str, scope: str | None, operation: str) -> ThreadMismatch:
    found = backend if scope is None else f"{backend}'s {format_value(scope)}"
    return ThreadMismatch(
        f"the {kind} belongs to {found}, and the route has no such member: {_list(members)}",
        hint=Template("Use a client of it", _restart(kind), "."),
        operation=operation,
        expected=", ".join(member.name for member in members),
        found=scope or backend,
    )


def _ambiguity(owners: Sequence[Member], kind: Kind, backend: str, operation: str) -> ThreadMismatch:
    return ThreadMismatch(
        f"the {kind}'s reference does not say which bot or project of {backend} it belongs to, and several members "
        f"could own it: {_list(owners)}",
        hint=Template("Use the client of the one that it is from", _restart(kind), "."),
        operation=operation,
        expected=", ".join(dict.fromkeys(member.name for member in owners)),
        found=backend,
    )
