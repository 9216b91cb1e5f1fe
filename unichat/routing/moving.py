"""Moving a thread to another member of a route, with what was said in it (`carry_over`).

The owner is asked first. If it cannot answer, or does not know the thread any more, the next member is asked in a new
thread, with the earlier exchanges before the question: those that the caller keeps, or else those of the owner's
history. A thread whose owner is not a member moves at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from attrs import frozen

from unichat._text.templates import Template
from unichat.client.newest import read_newest
from unichat.errors import NotFound, ThreadMismatch, UnichatError
from unichat.execution.effects import Program
from unichat.models import Exchange, ThreadRef
from unichat.record import CallRecord
from unichat.routing.asking import MemberAnswer, Question, share_deadline
from unichat.routing.carrying_over import prepend_exchanges
from unichat.routing.failures import Failure
from unichat.routing.members import Member
from unichat.routing.outcomes import classify_failure
from unichat.routing.rules import Rule
from unichat.transport.base import Deadline

T = TypeVar("T")

_EXCHANGES = 50
"""At most as many earlier exchanges are looked at."""
_HINT = "Set carry_over to continue the conversation on another member."


@frozen(eq=False)
class KeptExchanges:
    """What a caller of a route keeps of a thread itself, as `unichat.Conversations` does.

    Attributes:
        read: makes the program that returns the exchanges, newest first; empty if none are kept.
        carry_over: whether the thread may move, whatever the route's own setting is.
    """

    read: Callable[[], Program[list[Exchange]]]
    carry_over: bool


def is_thread_gone(error: UnichatError) -> bool:
    """Whether a thread's owner says that it cannot be continued: it is stale, deleted, or of another vendor or bot."""
    return isinstance(error, ThreadMismatch) or (isinstance(error, NotFound) and error.what in (None, "thread"))


def may_move(error: UnichatError, rule: Rule) -> bool:
    """Whether a thread may move after this failure of its owner."""
    return is_thread_gone(error) or classify_failure(error) in rule.moves_on


def add_hint(error: UnichatError, rule: Rule) -> None:
    """Have the error of a thread's owner say how the thread could have moved, if it could."""
    # A nested route may have said so.
    if rule.moves_on and _HINT not in str(error.hint):
        error.hint = Template(error.hint, " " if error.hint else "", _HINT)


@contextmanager
def hint_at_moving(rule: Rule) -> Iterator[None]:
    """Have the error of a thread's owner, in a thread that may not move, say how it could have moved."""
    try:
        yield
    except UnichatError as error:
        if may_move(error, rule):
            add_hint(error, rule)
        raise


def ask_owner(program: Program[T], rule: Rule) -> Program[T]:
    """Ask in a thread that may not move.

    Raises:
        UnichatError: the owner's; it says how the thread could have moved.
    """
    with hint_at_moving(rule):
        return (yield from program)


def begin_with_owner(begin: Callable[[], T], failing: Callable[[UnichatError], T]) -> T:
    """Begin to ask in a thread that may move: return what `begin` does.

    An adapter can know that a thread is gone before it sends anything. What `failing` makes of its error then fails
    once it is run, as if the vendor had said so, and the thread moves.

    Raises:
        UnichatError: any other error of the beginning, such as of an argument.
    """
    try:
        return begin()
    except UnichatError as error:
        if not is_thread_gone(error):
            raise
        return failing(error)


def fail(error: UnichatError) -> Program[Any]:
    """A program that only raises an error."""
    raise error
    yield


@frozen(eq=False, kw_only=True)
class Move(Generic[T]):
    """One question in a thread that may move.

    Attributes:
        owner: the member that the thread belongs to; None if it is not of the route.
        members: all of the route's.
        rule: the route's.
        thread: the thread.
        question: the question.
        user: who asks, which decides who is next.
        kept: what the caller keeps of the thread, if anything.
        limit: characters that earlier exchanges may take.
        begin: makes the program that asks a member in a new thread, within a deadline: the text, and how many exchanges
            stand before the question in it.
        deadline: of the whole call.
        streamed, read: as for `Question`.
    """

    owner: Member | None
    members: Sequence[Member]
    rule: Rule
    thread: ThreadRef
    question: str
    user: object
    kept: KeptExchanges | None
    limit: int
    begin: Callable[[Member, Deadline, str, int], Program[T]]
    deadline: Deadline
    streamed: bool
    read: Callable[[T], tuple[bool, CallRecord | None]]

    def share(self) -> Deadline:
        """Return the deadline of the owner, which leaves time for another member."""
        return share_deadline(self.deadline, min(2, len(self.members)), self.rule.patience, streamed=self.streamed)

    def ask(self, first: Program[T] | None, share: Deadline) -> Program[MemberAnswer[T]]:
        """Ask the owner, and the next member if need be.

        Args:
            first: asks the owner; None if there is none.
            share: its deadline.

        Raises:
            UnichatError: no member answered.
        """
        failure: UnichatError | None = None
        began = share.started - self.deadline.started
        if first is not None:
            assert self.owner is not None
            try:
                return MemberAnswer((yield from first), self.owner, began)
            except UnichatError as error:
                failure = error
        others = [member for member in self.members if member is not self.owner]
        if failure is not None:
            if others and may_move(failure, self.rule) and self.deadline.remaining() > 0:
                pass
            elif others or not is_thread_gone(failure):
                # Not within the handler: it would keep what it stands for.
                raise failure from failure.__cause__
        exchanges = yield from self._read_exchanges(len(others))
        targets = self.rule.order(others or self.members, self.user)
        before = () if failure is None or self.owner is None else (Failure(self.owner, began, failure, failure.call),)

        def begin(member: Member, share: Deadline) -> Program[T]:
            most = member.client.capabilities.question_limit
            text, count = prepend_exchanges(self.question, exchanges, question_limit=most, limit=self.limit)
            return self.begin(member, share, text, count)

        asking = Question(targets, begin, self.deadline, self.rule, self.streamed, self.read, before)
        share = asking.share(0)
        return (yield from asking.ask(None, share))

    def _read_exchanges(self, others: int) -> Program[list[Exchange]]:
        """Return the exchanges of the thread, newest first: the caller's, or the owner's, or none."""
        if self.kept is not None and (kept := (yield from self.kept.read())):
            return kept
        if self.owner is None:
            return []
        share = share_deadline(self.deadline, others + 1, self.rule.patience, streamed=False)
        try:
            # Once: it has just failed.
            owner = self.owner.asked.with_policy(attempts=1)
            return (yield from read_newest(owner, self.thread, None, _EXCHANGES, share))
        except UnichatError as error:
            if error.stopped_by == "cancelled":
                raise
            return []
