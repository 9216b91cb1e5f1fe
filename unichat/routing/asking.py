"""Asking a route's members, one after the other, until one answers.

Theory of operation
-------------------
Each member's question is a program of its own client's: with that client's retries, budget, breaker and pace, and
around it there is no loop that would ask the same member again. A member that fails in a way that the rule names
(`fall_back_on`) is followed by the next, within one deadline:

- Each member but the last has less than what is left: `patience` seconds, or an equal share. One that hangs leaves time
  for the others.
- A stream's share counts until its first event (`Deadline.whole`); from then on it has what is left of the deadline,
  and no other member is asked any more.
- The last member has all that is left.

A question that a member may have received is asked of the next one all the same: another vendor does not answer the
same question twice. Where two members are clients of the same bot or project, the answer is marked `maybe_duplicated`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from attrs import evolve, frozen

from unichat._text.log import log
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.policy.judge import name_outcome
from unichat.record import CallRecord
from unichat.routing.failures import Failure, combine_failures, merge_attempts
from unichat.routing.members import Member
from unichat.routing.outcomes import UNCERTAIN, classify_failure
from unichat.routing.rules import Rule
from unichat.transport.base import Deadline

T = TypeVar("T")


def share_deadline(deadline: Deadline, members: int, patience: float | None = None, *, streamed: bool) -> Deadline:
    """Return the deadline of the first of so many members that are still to be asked.

    Args:
        deadline: of the whole call.
        members: how many may be asked, this one included.
        patience: seconds for each but the last; None, or more than is left, for an equal share of what is left.
        streamed: whether only the beginning of a stream has this deadline.
    """
    if members == 1:
        return deadline
    rest = deadline.remaining()
    seconds = patience if patience is not None and patience < rest else rest / members
    return Deadline(seconds, deadline.clock, (deadline.whole or deadline) if streamed else None)


@frozen(eq=False)
class MemberAnswer(Generic[T]):
    """What a member answered, and what became of those before it.

    Attributes:
        result: the answer, or its stream.
        member: who gave it.
        began: seconds into the route's call when it was asked.
        before: the members that were asked before it.
        after: those that were asked after it, as its answer was uncertain.
    """

    result: T
    member: Member
    began: float
    before: tuple[Failure, ...] = ()
    after: tuple[Failure, ...] = ()

    @property
    def is_only_one(self) -> bool:
        """Whether no other member was asked."""
        return not (self.before or self.after)

    def add_attempts(self, record: CallRecord, deadline: Deadline) -> CallRecord:
        """Return the record of its call with the attempts of all members that were asked."""
        before = [(other.began, other.record) for other in self.before]
        after = [(other.began, other.record) for other in self.after]
        return merge_attempts(record, [*before, (self.began, record), *after], deadline)

    @property
    def maybe_duplicated(self) -> bool:
        """Whether a client of the same bot or project may have been asked the same question."""
        own = {(owner.backend, owner.scope) for owner in self.member.owners}
        return any(
            failure.error is not None
            and failure.error.maybe_delivered is not False
            and any((owner.backend, owner.scope) in own for owner in failure.member.owners)
            for failure in self.before
        )


@frozen(eq=False)
class Question(Generic[T]):
    """One question to the members of a route.

    Attributes:
        members: who is asked, in this order.
        begin: makes the program that asks a member, within a deadline.
        deadline: of the whole call.
        rule: the route's.
        streamed: whether the answer is a stream.
        read: returns whether an answer is uncertain, and the record of its call.
        before: what became of members that were asked already.
    """

    members: Sequence[Member]
    begin: Callable[[Member, Deadline], Program[T]]
    deadline: Deadline
    rule: Rule
    streamed: bool
    read: Callable[[T], tuple[bool, CallRecord | None]]
    before: tuple[Failure, ...] = ()

    def share(self, index: int) -> Deadline:
        """Return the deadline of a member that is asked now, by its index."""
        left = len(self.members) - index
        return share_deadline(self.deadline, left, self.rule.patience, streamed=self.streamed)

    def ask(self, first: Program[T] | None, share: Deadline) -> Program[MemberAnswer[T]]:
        """Ask the members until one answers.

        Args:
            first: asks the first of them; None if that is not begun yet.
            share: its deadline.

        Raises:
            UnichatError: the last error, which names each member that was asked, and what became of it.
        """
        others: list[Failure] = list(self.before)
        uncertain: MemberAnswer[T] | None = None
        for index, member in enumerate(self.members):
            began = share.started - self.deadline.started
            failure: UnichatError | None = None
            try:
                result = yield from (first if first is not None and not index else self.begin(member, share))
            except UnichatError as error:
                failure = error
            else:
                is_uncertain, record = self.read(result)
                if not is_uncertain or UNCERTAIN not in self.rule.fall_back_on:
                    return MemberAnswer(result, member, began, tuple(others))
                uncertain = uncertain or MemberAnswer(result, member, began, tuple(others))
                others.append(Failure(member, began, None, record))
            if failure is not None:
                others.append(Failure(member, began, failure, failure.call))
                # With an answer to give, no failure of another member matters.
                if uncertain is None and classify_failure(failure) not in self.rule.fall_back_on:
                    break
            if index + 1 == len(self.members) or self.deadline.remaining() <= 0:
                break
            reason = UNCERTAIN if failure is None else name_outcome(failure)
            log.info("%s: %s is asked after %s: %s", self.rule.name, self.members[index + 1].name, member.name, reason)
            share = self.share(index + 1)
        if uncertain is not None:
            return evolve(uncertain, after=tuple(others[len(uncertain.before) + 1 :]))
        # Not within the handler: it would keep what it stands for.
        last = combine_failures(others, self.deadline)
        raise last from last.__cause__
