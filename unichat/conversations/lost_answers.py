"""Looks in the vendor's history for the answer to a question that was out when its worker was killed.

What counts as found is that exactly one exchange has the question, of those since it went out whose answers nobody got.
Its conversation may have gone on meanwhile: the platform delivers a message again when it likes.

The question is looked for in the thread that its conversation has, and in the one that it had when the question went
out. A question that went out without a thread began one that nobody knows, even if a later message has begun the
conversation's own since: it is looked for among all that the vendor was asked. There, an exchange that may be somebody
else's does not count: one that is kept in another conversation, or whose thread has other exchanges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from math import inf
from typing import TypeVar

from attrs import evolve, frozen

from unichat.client.base import BaseClient
from unichat.client.newest import read_newest
from unichat.conversations.encoding import decode_thread, encode_thread
from unichat.conversations.entries import QueueTurn, SentQuestion
from unichat.conversations.messages import identify_thread, reference_for
from unichat.conversations.stores.base import Store, Transaction, transact
from unichat.errors import NotFound, ThreadMismatch, UnichatError, Unsupported
from unichat.execution.effects import Program
from unichat.models import Answer, Exchange, ThreadRef
from unichat.routing.asking import share_deadline
from unichat.transport.base import Deadline

T = TypeVar("T")

_CLOCK_SKEW = 5.0
"""Seconds that the vendor's clock may be behind the store's."""

_NEWEST = 2_000
"""How many of the newest exchanges are looked at, at most, where they belong to several conversations."""

_NEWEST_OF_ITS_OWN = 50
"""How many, at most, of the question's own conversation."""


@frozen(kw_only=True)
class LostAnswerFinder:
    """Looks for one answer. Its methods are programs, or parts of one.

    Attributes:
        turn: the turn that asks the question again.
        lost: how the question went out.
        deadline: of the turn.
    """

    store: Store
    turn: QueueTurn
    lost: SentQuestion
    deadline: Deadline

    def find(self, client: BaseClient) -> Program[Answer | None]:
        """Return the answer; None if there is none, or none can be told.

        Args:
            client: whose vendor it was; of a route, any member's may have been.

        Raises:
            UnichatError: the history could not be read, so it is better not to ask again.
        """
        key = self.turn.message.conversation
        now, then = decode_thread(self.turn.thread), decode_thread(self.lost.thread)
        threads = {identify_thread(key, thread): thread for thread in (now, then) if thread is not None}
        # A route may have moved the thread, and what was sent without one began another.
        may_be_elsewhere = bool(client.members) or then is None or len(threads) > 1
        for thread in threads.values():
            try:
                found = yield from self._find_in_thread(client, thread)
            except (ThreadMismatch, NotFound):
                # The thread cannot be read any more, so the question went to a new one.
                may_be_elsewhere = True
            else:
                if found is not None:
                    return evolve(found, profile=_find_profile(client, thread))
        return (yield from self._find_elsewhere(client)) if may_be_elsewhere else None

    def _find_elsewhere(self, client: BaseClient) -> Program[Answer | None]:
        """Look for an answer outside of the threads that are known: of a route, in each member's history.

        A member's history that cannot be read is passed over if another's can: the question may be asked of that one.
        """
        members = client._answering_clients()
        if not members:
            return (yield from self._find_new(client))
        failure: UnichatError | None = None
        readable = 0
        asked = [(name, member) for name, member in client.members.items() if member in members]
        for index, (name, member) in enumerate(asked):
            # One that hangs leaves time for the others, and for the question.
            share = share_deadline(self.deadline, len(asked) - index + 1, streamed=False)
            try:
                found = yield from evolve(self, deadline=share)._find_elsewhere(member)
            except UnichatError as error:
                failure = error
                continue
            readable += 1
            if found is not None:
                return evolve(found, profile=found.profile or name)
        if failure is not None and not readable:
            raise failure
        return None

    def _find_in_thread(self, client: BaseClient, thread: ThreadRef) -> Program[Answer | None]:
        capabilities = client._find_capabilities(thread)
        if not capabilities.history:
            return None
        user = None if capabilities.parallel_threads else reference_for(self.turn.message.conversation)
        rows = yield from self._read_own(client, thread, user, timestamps=capabilities.timestamps)
        return _to_answer(rows, thread)

    def _find_new(self, client: BaseClient) -> Program[Answer | None]:
        """Look for an answer that began a thread, at one vendor."""
        capabilities = client.capabilities
        if not capabilities.history:
            return None
        if not capabilities.parallel_threads and capabilities.history_by_user:
            reference = reference_for(self.turn.message.conversation)
            return _to_answer((yield from self._read_own(client, None, reference, timestamps=capabilities.timestamps)))
        if capabilities.timestamps:
            return _to_answer((yield from self._read_all(client, parallel_threads=capabilities.parallel_threads)))
        return None

    def _read_own(
        self, client: BaseClient, thread: ThreadRef | None, user: str | None, *, timestamps: bool
    ) -> Program[list[Exchange]]:
        """Return the exchanges with the question, and an answer that nobody got, of the question's own conversation."""
        since = self._since if timestamps else None
        try:
            rows = yield from read_newest(client, thread, user, _NEWEST_OF_ITS_OWN, self.deadline, since)
        except Unsupported:
            return []
        times = yield from self._look(partial(_read_answer_times, conversation=self.turn.message.conversation))
        # Not every vendor says when: nothing before an answer that is older than the question can be the lost one.
        newer = takewhile(lambda row: times.get(row.id, inf) >= self.lost.at, rows)
        return [row for row in newer if row.id not in times and self._has_question(row)]

    def _read_all(self, client: BaseClient, *, parallel_threads: bool) -> Program[list[Exchange]]:
        """Return the exchanges with the question, and an answer that nobody got, of all that the vendor was asked."""
        try:
            rows = yield from read_newest(client, None, None, _NEWEST, self.deadline, self._since)
        except Unsupported:
            return []
        sizes = Counter(row.thread for row in rows) if parallel_threads else Counter[ThreadRef | None]()
        alone = [row for row in rows if self._has_question(row) and (row.thread is None or sizes[row.thread] <= 1)]
        key, backend = self.turn.message.conversation, client.backend
        return (yield from self._look(partial(_drop_known, conversation=key, backend=backend, rows=alone)))

    @property
    def _since(self) -> datetime:
        return datetime.fromtimestamp(self.lost.at, UTC) - timedelta(seconds=_CLOCK_SKEW)

    def _has_question(self, row: Exchange) -> bool:
        text = self.turn.message.part.text
        # What was carried over, or what was joined, stands before it.
        return bool(row.answer) and (row.question == text or row.question.endswith(f"\n\n{text}"))

    def _look(self, function: Callable[[Transaction], T]) -> Program[T]:
        return transact(self.store, function, writes=False, may_wait=lambda: self.deadline.remaining() > 0)


def _read_answer_times(tx: Transaction, conversation: str) -> dict[str | None, float]:
    """Return when a conversation got its answers, by their ids, in seconds since 1970."""
    rows = tx.rows(
        "SELECT answer_id, answered_at FROM unichat_answers"
        " WHERE conversation = :conversation AND answer_id IS NOT NULL",
        conversation=conversation,
    )
    return dict(rows)


def _drop_known(tx: Transaction, conversation: str, backend: str, rows: Iterable[Exchange]) -> list[Exchange]:
    """Return those of a vendor's exchanges that are not kept, and are in no thread of another conversation."""
    return [
        row
        for row in rows
        if not tx.rows(
            "SELECT entry FROM unichat_answers WHERE answer_id = :id AND backend = :backend", id=row.id, backend=backend
        )
        and not tx.rows(
            "SELECT conversation FROM unichat_conversations WHERE thread = :thread AND conversation <> :conversation",
            thread=encode_thread(row.thread),
            conversation=conversation,
        )
    ]


def _find_profile(client: BaseClient, thread: ThreadRef) -> str | None:
    """Return the name of the member that a thread belongs to, in the route that it is a direct member of."""
    name = client.member_for(thread=thread)
    return None if name is None else _find_profile(client.members[name], thread) or name


def _to_answer(rows: Sequence[Exchange], thread: ThreadRef | None = None) -> Answer | None:
    """Return the answer of the only exchange; None where there is not exactly one."""
    if len(rows) != 1:
        return None
    (row,) = rows
    return Answer(
        text=row.answer,
        id=row.id,
        thread=row.thread or thread,
        sources=row.sources,
        uncertain=row.uncertain,
        raw=row.raw,
    )
