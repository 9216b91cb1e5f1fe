"""One message of a conversation, from its arrival to what is kept of its answer. See the top of `queue`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeVar

from attrs import evolve, frozen

from unichat._text.log import log
from unichat._text.printable import format_value
from unichat.client.base import BaseClient
from unichat.client.newest import read_newest
from unichat.client.speaker import Speaker
from unichat.conversations import queue, records
from unichat.conversations.encoding import decode_thread
from unichat.conversations.entries import Message, QueueTurn, SentQuestion
from unichat.conversations.leases import Leases
from unichat.conversations.lost_answers import LostAnswerFinder
from unichat.conversations.messages import identify_thread, reference_for
from unichat.conversations.stores.base import Store, Transaction, transact
from unichat.conversations.waiting import end_turn, wait_for_turn
from unichat.errors import NotFound, StreamInterrupted, ThreadMismatch, UnichatError
from unichat.execution.cleanup import run_with_cleanup
from unichat.execution.effects import Program
from unichat.execution.locks import KeyedLocks
from unichat.models import Answer, Exchange, ThreadRef, User
from unichat.routing.carrying_over import prepend_exchanges
from unichat.routing.moving import KeptExchanges
from unichat.transport.base import Deadline

T = TypeVar("T")

_EXCHANGES = 50
"""At most as many earlier exchanges are looked at to be carried over."""

Send = Callable[[ThreadRef | None, str], Program[T]]
"""Asks a question, in a thread or in a new one."""


@frozen
class Manner:
    """How a question was asked, for its answer to say.

    Attributes:
        thread: where it was asked; None in a new one. A route may have moved it.
        is_found: whether its answer had been lost, and was found in the vendor's history.
    """

    began: Literal["continued", "started", "restarted"]
    carried_over: int = 0
    maybe_duplicated: bool = False
    thread: ThreadRef | None = None
    is_found: bool = False

    def describe(self, answer: Answer) -> Answer:
        """Return the answer, saying so."""
        has_moved = self.thread is not None and answer.thread is not None and answer.thread != self.thread
        return evolve(
            answer,
            began="restarted" if has_moved else self.began,
            carried_over=answer.carried_over or self.carried_over,
            maybe_duplicated=answer.maybe_duplicated or self.maybe_duplicated,
        )


@frozen(kw_only=True)
class MessageHandler:
    """Handles one message: waits for its turn, asks, and stores the answer. Each method is a program or part of one.

    Attributes:
        arrivals: by conversation, lets messages that arrive at once take their tickets in order; None where nothing
            overtakes them.
    """

    client: BaseClient
    store: Store
    leases: Leases
    arrivals: KeyedLocks | None
    keep_texts: bool
    carry_over: bool
    message: Message
    user: User | None
    metadata: Mapping[str, Any] | None
    deadline: Deadline

    def ask(self) -> Program[Answer]:
        """Ask, and keep what is to be kept."""
        self.leases.hold(self.message)
        try:
            entry = yield from self.enter()
            if isinstance(entry, Answer):
                return entry
            answer, manner = yield from self.send(entry, self._ask_client)
            return (yield from self.keep(entry, manner.describe(answer), manner))
        finally:
            self.leases.drop(self.message)

    def caller(self) -> object:
        """Return the thread or task that runs."""
        return self.client._caller()

    def _ask_client(self, thread: ThreadRef | None, question: str) -> Program[Answer]:
        operation = "chat" if thread is None else "continue_thread"
        return self.client._ask(operation, question, **self.arguments(thread))

    def arguments(self, thread: ThreadRef | None) -> dict[str, Any]:
        """Return what the client's calls take besides the question."""
        # A route may move a thread, and is told what is kept of it.
        kept = {} if thread is None or not self.client.members else {"kept": self._keep_exchanges(thread)}
        return {
            **kept,
            "thread": thread,
            "user": Speaker(self.user, partial(reference_for, self.message.conversation)),
            "metadata": self.metadata,
            "deadline": self.deadline,
            "on_unsupported": None,
            "options": {},
        }

    def transact(self, function: Callable[[Transaction], T], *, writes: bool = True) -> Program[T]:
        """Run a transaction, within the deadline."""
        return transact(self.store, function, writes=writes, may_wait=lambda: self.deadline.remaining() > 0)

    def enter(self) -> Program[QueueTurn | Answer]:
        """Wait for the message's turn; see `wait_for_turn`."""
        return wait_for_turn(self.store, self.message, self.deadline, self.caller, self.arrivals)

    def send(self, turn: QueueTurn, send: Send[T]) -> Program[tuple[T | Answer, Manner]]:
        """Ask in the conversation's thread, or in a new one; return what `send` does, or an answer that was lost.

        If that fails, the turn has ended.
        """
        return run_with_cleanup(self._send(turn, send), partial(self.fail, turn))

    def _send(self, turn: QueueTurn, send: Send[T]) -> Program[tuple[T | Answer, Manner]]:
        thread = decode_thread(turn.thread)
        duplicated = turn.lost is not None
        if turn.lost is not None:
            finder = LostAnswerFinder(store=self.store, turn=turn, lost=turn.lost, deadline=self.deadline)
            answer = yield from finder.find(self.client)
            if answer is not None:
                return answer, Manner(_began(turn, turn.lost, answer), is_found=True)
        if thread is None:
            return (yield from send(None, turn.question)), Manner("started", maybe_duplicated=duplicated)
        try:
            manner = Manner("continued", maybe_duplicated=duplicated, thread=thread)
            return (yield from send(thread, turn.question)), manner
        except (ThreadMismatch, NotFound) as error:
            if not _can_restart(error):
                raise
        question, carried = turn.question, 0
        if self.carry_over:
            exchanges = yield from self._read_exchanges(thread)
            limit = self.client.capabilities.question_limit
            question, carried = prepend_exchanges(question, exchanges, question_limit=limit)
        return (yield from send(None, question)), Manner("restarted", carried, duplicated)

    def _read_exchanges(self, thread: ThreadRef) -> Program[list[Exchange]]:
        """Return the exchanges of a thread that cannot be continued, newest first: the store's, or the vendor's."""
        kept = yield from self._read_stored_exchanges(thread)
        if kept:
            return kept
        try:
            return (yield from read_newest(self.client, thread, None, _EXCHANGES, self.deadline))
        except UnichatError:
            # Of another vendor, or gone.
            return []

    def _read_stored_exchanges(self, thread: ThreadRef) -> Program[list[Exchange]]:
        """Return the exchanges of a thread, newest first, as far as the store has their texts."""
        key = self.message.conversation
        return self.transact(lambda tx: records.read_exchanges(tx, key, thread, _EXCHANGES), writes=False)

    def _keep_exchanges(self, thread: ThreadRef) -> KeptExchanges:
        return KeptExchanges(partial(self._read_stored_exchanges, thread), self.carry_over)

    def keep(self, turn: QueueTurn, answer: Answer, manner: Manner) -> Program[Answer]:
        """Store what is kept of an answer, and return it: whatever becomes of the store, the caller gets the answer."""
        finish = partial(
            records.finish,
            turn=turn,
            answer=answer,
            backend=self.client._find_backend(answer),
            keep_texts=self.keep_texts,
            found=manner.is_found,
        )
        if (yield from end_turn(self.store, self.message, finish, self.deadline)) is False:
            log.warning(
                "an answer in the conversation %s was not stored: its worker was away for longer than its lease",
                format_value(turn.message.conversation),
            )
        return answer

    def fail(self, turn: QueueTurn, failure: BaseException) -> Program[None]:
        """End a turn that failed."""
        known = isinstance(failure, UnichatError) and failure.maybe_delivered is False
        thread = failure.thread if isinstance(failure, StreamInterrupted) else None
        yield from self.give_back(turn, maybe_delivered=not known, thread=thread)

    def give_back(self, turn: QueueTurn, *, maybe_delivered: bool, thread: ThreadRef | None) -> Program[None]:
        """End a turn without an answer, so that its message can come again.

        Args:
            turn: the turn.
            maybe_delivered: whether the vendor may have the question.
            thread: that of an answer which broke off, where the vendor had named it.
        """
        end: Callable[[Transaction], object] = (
            partial(queue.give_back, turn=turn, maybe_delivered=maybe_delivered)
            if thread is None
            else partial(records.break_off, turn=turn, thread=thread)
        )
        yield from end_turn(self.store, self.message, end, self.deadline)


def _began(turn: QueueTurn, lost: SentQuestion, found: Answer) -> Literal["started", "continued", "restarted"]:
    """Return how a question was asked whose answer was found."""
    thread = decode_thread(lost.thread)
    if thread is None or found.thread is None:
        return "started" if thread is None else "continued"
    key = turn.message.conversation
    return "continued" if identify_thread(key, found.thread) == identify_thread(key, thread) else "restarted"


def _can_restart(error: ThreadMismatch | NotFound) -> bool:
    """Whether the error says that the thread is stale, gone, or of another vendor or bot, so that a new one is due.

    Not where the question may have been received all the same, such as by the thread's member of a route: with another
    member's error, which came last.
    """
    return not error.maybe_delivered and (isinstance(error, ThreadMismatch) or error.what in (None, "thread"))
