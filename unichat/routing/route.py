"""What all routes share: which member each neutral call goes to, in one text for both kinds of client.

A route runs its members' own programs, whose effects carry their own contexts. So each member keeps its transport,
credential, retries, budget, breaker, pace and hooks, and a route adds only the decision, and one deadline over all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Self

from unichat._text.templates import PythonOnly, Template
from unichat.adapter import Capabilities, Operation, StreamOperation
from unichat.client.arguments import ArgumentChecker, check_deadline, check_limit, check_thread
from unichat.client.base import BaseClient, check_operation
from unichat.client.bound_operations import BoundOperations
from unichat.client.paging import RowReader
from unichat.client.values import check_user
from unichat.errors import Unsupported
from unichat.execution.context import DEFAULT_DEADLINES
from unichat.execution.effects import Program
from unichat.models import Answer, ClearResult, Exchange, FeedbackReceipt, ThreadRef, User
from unichat.routing.capabilities import merge_capabilities
from unichat.routing.clearing import clear_members, clear_once
from unichat.routing.history import MemberHistory, MergedHistory
from unichat.routing.members import Member
from unichat.routing.ownership import find_answer_owner, find_owner, has_owner
from unichat.routing.questions import RouteQuestions
from unichat.routing.rules import Rule
from unichat.routing.screening import Screening
from unichat.routing.settings import CarryOverSettings, RouteSettings
from unichat.transport.base import Deadline


class Route(RouteQuestions):
    """A client over others; `sync_client` and `async_client` have the two kinds of it.

    Attributes:
        backend: the kind of route: `fallback`, `split` or `shadow`.
    """

    _performer: Any

    def __init__(self, rule: Rule, members: Sequence[Member], performer: Any, settings: RouteSettings) -> None:
        # Not the constructor of a plain client: a route has no adapter, transport or settings.
        self.backend = rule.name
        self._rule = rule
        self._performer = performer
        self._deadline = settings.deadline
        self._carry_over_limit = None
        if isinstance(settings, CarryOverSettings) and settings.carry_over:
            self._carry_over_limit = settings.carry_over_limit
        self._set_members(members)

    def _set_members(self, members: Sequence[Member]) -> None:
        self._route_members = tuple(members)
        self._answering = self._choose_answering(self._route_members)
        self._members = MappingProxyType({member.name: member.client for member in members})
        capabilities = merge_capabilities([member.client.capabilities for member in self._answering])
        self._arguments = ArgumentChecker(self.backend, capabilities, "raise")
        self._screening = Screening(self._answering, capabilities)

    def _choose_answering(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        """Return the members whose answers a caller gets."""
        return members

    @property
    def members(self) -> Mapping[str, Any]:
        """The route's members by name, in order."""
        return self._members

    def member_for(
        self, *, user: str | User | None = None, thread: ThreadRef | Answer | Exchange | str | None = None
    ) -> str | None:
        """Return the name of the member that would be asked, without sending; None where that is drawn at random.

        Args:
            user: who would ask.
            thread: where; it belongs to one member, whoever asks.

        Raises:
            InvalidInput: `user` or `thread` is not one.
            ThreadMismatch: the thread belongs to no member, and may not move (`carry_over`).
        """
        check_user(user)
        if thread is not None:
            owner, reference = self._find_owner(thread, "continue_thread", None, user)
            if owner is not None:
                return owner.name
            user = reference.user if user is None else user
        expected = self._rule.expect(self._answering, user)
        return None if expected is None else expected.name

    @property
    def operations(self) -> BoundOperations:
        """Not on a route: its members' vendors each have their own.

        Raises:
            Unsupported: always.
        """
        self._reject("operations")

    @operations.setter
    def operations(self, _: object) -> None:
        raise AttributeError("operations")

    def probes(self) -> tuple[Operation[Any], ...]:
        """Not on a route: its members' vendors each have their own.

        Raises:
            Unsupported: always.
        """
        self._reject("probes")

    def _with_transport(self, transport: object) -> Self:
        self._reject("another transport")

    def __getattr__(self, name: str) -> Any:
        # What only plain clients have, and what takes a client to record or check its vendor asks for first.
        if name in ("_endpoints", "_settings", "_context", "_adapter"):
            self._reject(name.lstrip("_"))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _reject(self, what: str) -> NoReturn:
        names = ", ".join(self._members)
        raise Unsupported(
            f"a route has no {what} of its own: its members are {names}",
            hint=Template(PythonOnly(f'Use a member: client.members["{next(iter(self._members))}"].')),
            argument=what,
        )

    def with_policy(self, **changes: Any) -> Self:
        """Return a route with other policy settings, which are its members'; `deadline` is its own.

        Raises:
            ConfigError: the value is not acceptable.
            InvalidInput: there is no such policy setting, or it can only be set for a whole client.
        """
        return self._copy_with_policy(changes, {})

    def _copy_with_policy(self, changes: dict[str, Any], copies: dict[int, BaseClient]) -> Self:
        """Return a route with other policy settings, over one copy of each client, on however many paths it is."""
        members = []
        for member in self._route_members:
            client = member.client
            if id(client) not in copies:
                copies[id(client)] = (
                    client._copy_with_policy(changes, copies) if client.members else client.with_policy(**changes)
                )
            members.append(Member.from_client(member.name, copies[id(client)]))
        sibling = copy(self)
        sibling._deadline = changes.get("deadline", self._deadline)
        sibling._set_members(members)
        return sibling

    def _as_member(self, profile: str) -> Self:
        # Its members' names stand in what they answer.
        return self

    def _check_open(self) -> None:
        self._performer.check_open()

    def _caller(self) -> object:
        return self._performer.caller()

    def _begin_deadline(
        self, seconds: float | Deadline | None = None, kind: Literal["question", "other"] = "other"
    ) -> Deadline:
        if isinstance(seconds, Deadline):
            return seconds
        return Deadline(seconds or self._deadline or DEFAULT_DEADLINES[kind], self._performer.clock.monotonic)

    def _find_capabilities(self, thread: ThreadRef | None) -> Capabilities:
        if thread is not None and has_owner(self._answering, thread):
            owner = find_owner(self._answering, thread, "continue_thread")
            return owner.client._find_capabilities(thread)  # type: ignore[no-any-return]
        return self.capabilities

    def _answering_clients(self) -> tuple[BaseClient, ...]:
        return tuple(member.client for member in self._answering)

    def _reaches(self, backend: str) -> bool:
        return any(owner.backend == backend for member in self._answering for owner in member.owners)

    def _find_backend(self, answer: Answer) -> str:
        if answer.thread is not None:
            return answer.thread.backend
        owners = [owner for member in self._answering for owner in member.owners]
        return next((owner.backend for owner in owners if owner.profile == answer.profile), self.backend)

    def _owner(self, thread: object, operation: str) -> Member:
        """Return the member that a thread belongs to."""
        reference = check_thread(thread)
        assert reference is not None
        return find_owner(self._answering, reference, operation)

    def _rate(self, answer: object, rating: object, *, deadline: object, **arguments: Any) -> Program[FeedbackReceipt]:
        self._check_open()
        owner = find_answer_owner(self._answering, answer)
        within = self._begin_deadline(check_deadline(deadline))
        return owner.asked._rate(answer, rating, deadline=within, **arguments)  # type: ignore[no-any-return]

    def _read_history(
        self,
        thread: object,
        *,
        deadline: object,
        limit: object,
        others: set[object] | None = None,
        **arguments: Any,
    ) -> RowReader[Exchange]:
        """Return the reader of an owner's history, or of those of all members.

        Args:
            others: the bots and projects (`Owner.key`) that the route which this one is a member of reads already.
        """
        self._check_open()
        # Of each page.
        seconds = check_deadline(deadline) or self._deadline
        if thread is not None:
            owner = self._owner(thread, "history")
            return owner.asked._read_history(thread, deadline=seconds, limit=limit, **arguments)  # type: ignore[no-any-return]
        read: set[object] = set() if others is None else others
        parts = []
        for member in self._answering:
            own = dict(arguments)
            if member.client.members:
                own["others"] = read
            elif (key := member.owners[0].key) in read:
                continue
            else:
                read.add(key)
            reader = member.asked._read_history(None, deadline=seconds, limit=limit, **own)
            parts.append(MemberHistory(member.name, reader))
        return MergedHistory(
            parts,
            by_time=self.capabilities.timestamps,
            newest_first=bool(arguments.get("newest_first")),
            limit=check_limit(limit),
        )

    def _clear(
        self, thread: object, *, deadline: object, done: dict[int, ClearResult] | None = None, **arguments: Any
    ) -> Program[ClearResult]:
        """Clear with an owner, or with all members.

        Args:
            done: what clients of the route which this one is a member of have cleared already, by their identity.
        """
        self._check_open()
        within = self._begin_deadline(check_deadline(deadline))
        if thread is not None:
            members: Sequence[Member] = (self._owner(thread, "clear_history"),)
        else:
            members = self._route_members
            self._arguments.clear_history(None, **arguments)

        results: dict[int, ClearResult] = {} if done is None else done

        def begin(member: Member, share: Deadline) -> Program[ClearResult]:
            own = arguments
            if thread is None and not member.client.capabilities.clear_history:
                # It cannot clear at all, whatever is said of how.
                own = {**arguments, "options": {}}
            return clear_once(member, thread, share, own, results)

        return clear_members(members, begin, within)

    def _run(
        self, operation: Operation[Any] | StreamOperation[Any], deadline: object
    ) -> tuple[Callable[[], Program[Any]], Callable[[Any], Any]]:
        self._check_open()
        check_operation(operation)
        found = [
            (member, owner)
            for member in self._route_members
            for owner in member.owners
            if owner.backend == operation.backend
        ]
        if len({id(owner.client) for _, owner in found}) != 1:
            which = "no member" if not found else "more than one member"
            raise Unsupported(
                f"{operation.name} is an operation of {operation.backend}, and {which} of the route talks to it: "
                f"{', '.join(member.describe() for member in self._route_members)}",
                operation=operation.name,
                argument="operation",
                hint=Template(PythonOnly("Run it with one of client.members.")) if found else "",
            )
        return found[0][0].asked._run(operation, deadline or self._deadline)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<unichat {self.backend} of {', '.join(self._members)}>"
