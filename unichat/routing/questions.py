"""The questions of a route, streamed or not: new ones by its rule, and those in a thread of the thread's owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from attrs import evolve

from unichat.adapter import EventSource
from unichat.client.arguments import check_deadline, check_thread
from unichat.client.base import BaseClient
from unichat.client.neutral_calls import StartStream
from unichat.client.values import check_text
from unichat.errors import ThreadMismatch, UnichatError
from unichat.execution.effects import Program
from unichat.models import Answer, ThreadRef, User
from unichat.record import CallRecord
from unichat.routing.asking import MemberAnswer, Question
from unichat.routing.members import Member
from unichat.routing.moving import KeptExchanges, Move, add_hint, ask_owner, begin_with_owner, fail, hint_at_moving
from unichat.routing.ownership import find_owner, has_owner
from unichat.routing.rules import Rule
from unichat.routing.screening import Screening
from unichat.routing.settings import CARRY_OVER_LIMIT
from unichat.routing.streams import FallbackStream, OpenedStream
from unichat.transport.base import Deadline

T = TypeVar("T")


class RouteQuestions(BaseClient):
    """What a route does with questions.

    Attributes:
        _answering: the members whose answers a caller gets.
        _carry_over_limit: the most characters of earlier exchanges that go to another member; None if no thread moves.
    """

    _rule: Rule
    _answering: tuple[Member, ...]
    _screening: Screening
    _carry_over_limit: int | None

    def _ask(
        self,
        operation: str,
        question: object,
        *,
        thread: object = None,
        deadline: object,
        kept: KeptExchanges | None = None,
        **arguments: Any,
    ) -> Program[Answer]:
        self._check_open()
        within = self._begin_deadline(check_deadline(deadline), "question")
        if thread is not None:
            return self._ask_in_thread(operation, question, thread, within, kept, arguments)

        def begin(member: Member, share: Deadline) -> Program[Answer]:
            return member.asked._ask(operation, question, deadline=share, **arguments)  # type: ignore[no-any-return]

        order = self._rule.order(self._answering, arguments.get("user"))
        asking = None if len(order) == 1 else Question(order, begin, within, self._rule, False, _read_answer)
        share = within if asking is None else asking.share(0)
        first = begin(order[0], share)
        self._screening.check(operation, question, order[0], arguments)
        return first if asking is None else _complete(asking.ask(first, share), within)

    def _ask_in_thread(
        self,
        operation: str,
        question: object,
        thread: object,
        within: Deadline,
        kept: KeptExchanges | None,
        arguments: dict[str, Any],
    ) -> Program[Answer]:
        owner, reference = self._find_owner(thread, operation, kept, arguments.get("user"))

        def ask(owner: Member, share: Deadline) -> Program[Answer]:
            more = {"kept": kept} if kept is not None and owner.client.members else {}
            return owner.asked._ask(  # type: ignore[no-any-return]
                operation, question, thread=thread, deadline=share, **more, **arguments
            )

        if owner is not None and not self._may_move(kept):
            with hint_at_moving(self._rule):
                asked = ask(owner, within)
            return ask_owner(asked, self._rule)

        def begin(member: Member, share: Deadline, text: str, count: int) -> Program[Answer]:
            return _count_exchanges(member.asked._ask("chat", text, deadline=share, **moved), count)

        moved = _name_user(arguments, reference)
        move = self._move(owner, reference, question, moved, kept, begin, within, False, _read_answer)
        share = move.share()
        first = None if owner is None else begin_with_owner(partial(ask, owner, share), fail)
        return _complete(move.ask(first, share), within)

    def _open_stream(
        self,
        question: object,
        *,
        thread: object = None,
        deadline: object,
        kept: KeptExchanges | None = None,
        **arguments: Any,
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        seconds = check_deadline(deadline)
        if thread is not None:
            return self._open_stream_in_thread(question, thread, seconds, kept, arguments)
        order: Sequence[Member] = self._rule.order(self._answering, arguments.get("user"))
        # The first member checks the arguments at once.
        opened = [order[0].asked._open_stream(question, deadline=None, **arguments)]
        self._screening.check("stream", question, order[0], arguments)

        def begin(member: Member, share: Deadline) -> Program[OpenedStream]:
            return _start(
                opened.pop() if opened else member.asked._open_stream(question, deadline=None, **arguments), share
            )

        def ask(whole: Deadline) -> Program[MemberAnswer[OpenedStream]]:
            asking = Question(order, begin, whole, self._rule, True, _read_stream)
            share = asking.share(0)
            return asking.ask(begin(order[0], share), share)

        return self._prepare_stream(ask, seconds)

    def _open_stream_in_thread(
        self,
        question: object,
        thread: object,
        seconds: float | Deadline | None,
        kept: KeptExchanges | None,
        arguments: dict[str, Any],
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        owner, reference = self._find_owner(thread, "stream", kept, arguments.get("user"))
        more = {"kept": kept} if kept is not None and owner is not None and owner.client.members else {}

        def open_own(owner: Member) -> tuple[StartStream, Callable[[Answer], Answer]]:
            return owner.asked._open_stream(question, thread=thread, deadline=None, **more, **arguments)  # type: ignore[no-any-return]

        if owner is not None and not self._may_move(kept):
            with hint_at_moving(self._rule):
                start, finish = open_own(owner)

            def start_own(within: Deadline | None = None) -> Program[EventSource[Answer]]:
                self._check_open()
                whole = self._begin_deadline(within or seconds, "question")
                return ask_owner(start(whole), self._rule)

            return start_own, finish
        opened = None if owner is None else begin_with_owner(partial(open_own, owner), _open_failing)
        moved = _name_user(arguments, reference)

        def begin(member: Member, share: Deadline, text: str, count: int) -> Program[OpenedStream]:
            stream = yield from _start(member.asked._open_stream(text, deadline=None, **moved), share)
            return OpenedStream(stream.source, lambda answer: evolve(stream.finish(answer), carried_over=count))

        def ask(whole: Deadline) -> Program[MemberAnswer[OpenedStream]]:
            move = self._move(owner, reference, question, moved, kept, begin, whole, True, _read_stream)
            share = move.share()
            return move.ask(None if opened is None else _start(opened, share), share)

        return self._prepare_stream(ask, seconds)

    def _prepare_stream(
        self, ask: Callable[[Deadline], Program[MemberAnswer[OpenedStream]]], seconds: float | Deadline | None
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        """Return what `_open_stream` does; `ask` makes the program that opens a member's stream, within a deadline."""
        finish: Callable[[Answer], Answer] = _keep

        def start(within: Deadline | None = None) -> Program[EventSource[Answer]]:
            nonlocal finish
            self._check_open()
            whole = self._begin_deadline(within or seconds, "question")
            source, finish = _complete_stream((yield from ask(whole)), whole)
            return source

        return start, lambda answer: finish(answer)

    def _may_move(self, kept: KeptExchanges | None) -> bool:
        return self._carry_over_limit is not None or (kept is not None and kept.carry_over)

    def _find_owner(
        self, thread: object, operation: str, kept: KeptExchanges | None, user: object
    ) -> tuple[Member | None, ThreadRef]:
        """Return the member that a thread belongs to; None if it belongs to none, and may move."""
        reference = check_thread(thread)
        assert reference is not None
        try:
            expected = self._rule.expect(self._answering, reference.user if user is None else user)
            return find_owner(self._answering, reference, operation, expected), reference
        except ThreadMismatch as error:
            if has_owner(self._answering, reference):
                raise
            if not self._may_move(kept):
                add_hint(error, self._rule)
                raise
        return None, reference

    def _move(
        self,
        owner: Member | None,
        thread: ThreadRef,
        question: object,
        arguments: dict[str, Any],
        kept: KeptExchanges | None,
        begin: Callable[[Member, Deadline, str, int], Program[T]],
        within: Deadline,
        streamed: bool,
        read: Callable[[T], tuple[bool, CallRecord | None]],
    ) -> Move[T]:
        return Move(
            owner=owner,
            members=self._answering,
            rule=self._rule,
            thread=thread,
            # An owner checks it by its own limit.
            question=self._arguments.check_question(question) if owner is None else check_text("question", question),
            user=arguments.get("user"),
            kept=kept,
            limit=self._carry_over_limit or CARRY_OVER_LIMIT,
            begin=begin,
            deadline=within,
            streamed=streamed,
            read=read,
        )


def _name_user(arguments: dict[str, Any], thread: ThreadRef) -> dict[str, Any]:
    """Return the arguments of a question that moves: of the call's user, or else of the thread's."""
    if arguments.get("user") is not None or thread.user is None:
        return arguments
    return {**arguments, "user": User(thread.user)}


def _count_exchanges(program: Program[Answer], count: int) -> Program[Answer]:
    return evolve((yield from program), carried_over=count)


def _start(opened: tuple[StartStream, Callable[[Answer], Answer]], share: Deadline) -> Program[OpenedStream]:
    start, finish = opened
    return OpenedStream((yield from start(share)), finish)


def _open_failing(error: UnichatError) -> tuple[StartStream, Callable[[Answer], Answer]]:
    return lambda _=None: fail(error), _keep


def _keep(answer: Answer) -> Answer:
    return answer


def _read_answer(answer: Answer) -> tuple[bool, CallRecord | None]:
    return answer.uncertain is True, answer.call


def _read_stream(_: OpenedStream) -> tuple[bool, CallRecord | None]:
    return False, None


def _complete(asking: Program[MemberAnswer[Answer]], deadline: Deadline) -> Program[Answer]:
    """Ask, and return the answer with the attempts of all members."""
    answered = yield from asking
    return answered.result if answered.is_only_one else _add_attempts(answered.result, answered, deadline)


def _add_attempts(answer: Answer, answered: MemberAnswer[Any], deadline: Deadline) -> Answer:
    call = None if answer.call is None else answered.add_attempts(answer.call, deadline)
    return evolve(answer, call=call, maybe_duplicated=answer.maybe_duplicated or answered.maybe_duplicated)


def _complete_stream(
    answered: MemberAnswer[OpenedStream], deadline: Deadline
) -> tuple[EventSource[Answer], Callable[[Answer], Answer]]:
    """Return the stream of the member that answers, and what makes of its result what the caller gets."""
    opened = answered.result
    if answered.is_only_one:
        return opened.source, opened.finish
    stream = FallbackStream(opened.source, lambda record: answered.add_attempts(record, deadline))
    return stream, lambda result: _add_attempts(opened.finish(result), answered, deadline)
