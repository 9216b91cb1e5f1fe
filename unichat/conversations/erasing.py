"""Removes what is kept of a person, in the store and, where that can be done, at the vendor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

from attrs import frozen

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.client.base import BaseClient
from unichat.client.values import check_user
from unichat.conversations import personal_data, queue
from unichat.conversations.entries import Message, QueueTurn
from unichat.conversations.leases import Leases
from unichat.conversations.messages import Part, speaker_id
from unichat.conversations.stores.base import Store, scrub, transact
from unichat.conversations.waiting import end_turn, wait_for_turn
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.cleanup import run_with_cleanup
from unichat.execution.effects import Program
from unichat.models import ClearOutcome, ClearResult, ThreadRef
from unichat.routing.asking import share_deadline
from unichat.transport.base import Deadline


def check_person(user: object) -> str:
    """Return the id of a person whose data is asked for.

    Raises:
        InvalidInput: it is none.
    """
    checked = speaker_id(check_user(user))
    if checked is None:
        raise InvalidInput("no user was named", argument="user", hint="Pass the person's id.")
    return checked


def check_age(older_than: object) -> float:
    """Return an age in seconds.

    Raises:
        InvalidInput: it is not a positive timedelta.
    """
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise InvalidInput(
            f"older_than is {format_value(older_than)}",
            argument="older_than",
            hint=Template(PythonOnly("Give a positive timedelta, such as timedelta(days=30).")),
        )
    return older_than.total_seconds()


def expire(store: Store, seconds: float, deadline: Deadline) -> Program[int]:
    """Remove what is older than so many seconds; return the number of rows."""
    removed = yield from transact(
        store, partial(personal_data.expire, seconds=seconds), may_wait=lambda: deadline.remaining() > 0
    )
    yield from scrub(store, may_wait=lambda: deadline.remaining() > 0)
    return removed


@frozen(kw_only=True)
class Erasure:
    """What `erase` did.

    Attributes:
        removed: the number of rows that were removed from the store.
        cleared: the keys of the conversations that were cleared at the vendor.
        not_cleared: the keys of those that were not, each with the reason.
    """

    removed: int
    cleared: tuple[str, ...]
    not_cleared: Mapping[str, str]


@frozen(kw_only=True)
class PersonEraser:
    """What erasing needs. Its methods are programs.

    Attributes:
        client: whose vendor is cleared too; None to leave all vendors alone.
        begin_deadline: begins the deadline of one conversation: for waiting, and for the vendor.
        caller: returns the thread or task that runs.
    """

    store: Store
    leases: Leases
    client: BaseClient | None
    begin_deadline: Callable[[], Deadline]
    caller: Callable[[], object]

    def erase(self, user: str) -> Program[Erasure]:
        """Remove everything about a person, one conversation after the other."""
        deadline = self.begin_deadline()
        find = partial(personal_data.find_conversations, user=user)
        keys = yield from transact(self.store, find, writes=False, may_wait=lambda: deadline.remaining() > 0)
        removed, cleared, not_cleared = 0, [], {}
        for key in keys:
            rows, problem = yield from self._erase_in(key, user)
            removed += rows
            if problem is None:
                cleared.append(key)
            else:
                not_cleared[key] = problem
        deadline = self.begin_deadline()
        removed += yield from transact(self.store, partial(personal_data.erase_elsewhere, user=user))
        yield from scrub(self.store, may_wait=lambda: deadline.remaining() > 0)
        return Erasure(removed=removed, cleared=tuple(cleared), not_cleared=not_cleared)

    def _erase_in(self, key: str, user: str) -> Program[tuple[int, str | None]]:
        """Erase in one conversation, when no message is being answered; return the rows, and why it was not cleared."""
        deadline = self.begin_deadline()
        message = Message(
            conversation=key,
            part=Part(None, None, ""),
            token=os.urandom(16).hex(),
            overlap="wait",
            lease=self.leases.seconds,
            event_ttl=0,
            gives_up_after=deadline.remaining(),
            question_limit=None,
        )
        self.leases.hold(message)
        try:
            turn = yield from wait_for_turn(self.store, message, deadline, self.caller)
            assert isinstance(turn, QueueTurn)
            give_back = partial(queue.give_back, turn=turn, maybe_delivered=False)
            return (
                yield from run_with_cleanup(
                    self._erase_in_turn(turn, user, deadline),
                    lambda _: end_turn(self.store, message, give_back, deadline),
                )
            )
        finally:
            self.leases.drop(message)

    def _erase_in_turn(self, turn: QueueTurn, user: str, deadline: Deadline) -> Program[tuple[int, str | None]]:
        problem = yield from self._clear(turn.message.conversation, user, deadline)
        erase = partial(personal_data.erase, turn=turn, user=user)
        return (yield from transact(self.store, erase, may_wait=lambda: deadline.remaining() > 0)), problem

    def _clear(self, key: str, user: str, deadline: Deadline) -> Program[str | None]:
        """Clear a conversation at the vendor; return why it was not, or None if it was."""
        look = partial(personal_data.belongings, key=key, user=user)
        found = yield from transact(self.store, look, writes=False, may_wait=lambda: deadline.remaining() > 0)
        if not found.alone:
            return "others have spoken in it"
        if not found.threads:
            return "no thread of it is known"
        if self.client is None:
            threads = ", ".join(map(str, found.threads))
            return f"no client was given to clear it with; its thread{'s' * (len(found.threads) > 1)}: {threads}"
        problems = []
        for number, thread in enumerate(found.threads):
            # Each is tried whatever became of the others: nobody will know of them when their rows are gone.
            share = share_deadline(deadline, len(found.threads) - number, streamed=False)
            problem = yield from self._clear_thread(self.client, thread, share)
            if problem is not None:
                problems.append(f"{problem.rstrip('.')}; its thread: {thread}")
        return ". ".join(problems) or None

    def _clear_thread(self, client: BaseClient, thread: ThreadRef, deadline: Deadline) -> Program[str | None]:
        try:
            # Whatever the client does with what a vendor cannot: a report must not claim what did not happen.
            result = yield from client._clear(thread, user=None, deadline=deadline, on_unsupported="raise", options={})
        except UnichatError as error:
            return str(error)
        return ". ".join(_find_problems(result)) or None


def _find_problems(result: ClearResult) -> Iterator[str]:
    """Yield why something was not cleared; of a route, at each of its members, whatever the whole comes to."""
    if not result.parts and result.outcome is ClearOutcome.DETACHED:
        yield "nothing was removed"
    for name, part in result.parts.items():
        problems = [str(part)] if isinstance(part, UnichatError) else _find_problems(part)
        yield from (f"{name}: {problem.rstrip('.')}" for problem in problems)
