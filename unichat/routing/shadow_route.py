"""A shadow: the primary answers, and the other side is asked the same in the background, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from unichat._text.log import log
from unichat.adapter import EventSource
from unichat.client.arguments import check_deadline, check_thread
from unichat.client.neutral_calls import StartStream
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.context import closed_client_error
from unichat.execution.effects import Program, Start
from unichat.models import Answer, ClearResult, ThreadRef
from unichat.routing.clearing import clear_members, clear_once
from unichat.routing.members import Member
from unichat.routing.route import Route
from unichat.routing.rules import Rule, user_key
from unichat.routing.settings import ShadowSettings
from unichat.routing.shadow_clearing import clear_other
from unichat.routing.shadow_record import Side
from unichat.routing.shadow_stream import ShadowedStream
from unichat.routing.shadowing import Followed, Pair, Shadowing
from unichat.transport.base import Deadline


class ShadowRoute(Route):
    """A route of two members, of which the first is the primary."""

    def __init__(self, rule: Rule, members: Sequence[Member], performer: Any, settings: ShadowSettings) -> None:
        super().__init__(rule, members, performer, settings)
        self._grace = settings.shadow_grace
        self._shadowing = Shadowing(members[1].name, settings, performer.clock.monotonic)
        self._is_closing = False

    def _choose_answering(self, members: Sequence[Member]) -> tuple[Member, ...]:
        return (members[0],)

    @property
    def shadow_left_out(self) -> int:
        """How many questions the other side was not asked, though its share included them.

        Too many ran at a time, it could not take one, it had missed an earlier one of the thread, or a stream was left
        before its end.
        """
        return self._shadowing.left_out

    def _check_open(self) -> None:
        if self._is_closing:
            raise closed_client_error()
        super()._check_open()

    def _ask(
        self, operation: str, question: object, *, thread: object = None, deadline: object, **arguments: Any
    ) -> Program[Answer]:
        asked = super()._ask(operation, question, thread=thread, deadline=deadline, **arguments)
        followed = self._shadowing.begin(check_thread(thread))
        if followed is None:
            return asked
        return self._ask_both(asked, followed, self._prepare(question, arguments))

    def _ask_both(self, asked: Program[Answer], followed: Followed, ask: _Asking) -> Program[Answer]:
        began = self._performer.clock.monotonic()
        failure: UnichatError | None = None
        answer: Answer | None = None
        try:
            answer = yield from asked
        except UnichatError as error:
            failure = error
        except BaseException:
            # Whether the primary has the question is not known.
            self._shadowing.leave_out(followed)
            raise
        yield from self._follow(followed, ask, began, answer, failure)
        if failure is not None:
            # Not within the handler: it would keep what it stands for.
            raise failure from failure.__cause__
        assert answer is not None
        return answer

    def _open_stream(
        self, question: object, *, thread: object = None, deadline: object, **arguments: Any
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        start, finish = super()._open_stream(question, thread=thread, deadline=deadline, **arguments)
        reference = check_thread(thread)
        ask = self._prepare(question, arguments)

        def start_both(within: Deadline | None = None) -> Program[EventSource[Answer]]:
            followed = self._shadowing.begin(reference)
            if followed is None:
                return (yield from start(within))
            began = self._performer.clock.monotonic()

            def end(answer: Answer | None, failure: UnichatError | None) -> Program[None]:
                return self._follow(followed, ask, began, answer, failure)

            def leave() -> None:
                self._shadowing.leave_out(followed)

            failure: UnichatError | None = None
            try:
                source = yield from start(within)
            except UnichatError as error:
                failure = error
            except BaseException:
                leave()
                raise
            if failure is not None:
                yield from end(None, failure)
                raise failure from failure.__cause__
            return ShadowedStream(source, finish, end, leave)

        return start_both, finish

    def _prepare(self, question: object, arguments: dict[str, Any]) -> _Asking:
        given = {name: value for name, value in arguments.items() if name != "kept"}
        return _Asking(self, str(question), given)

    def _follow(
        self,
        followed: Followed,
        ask: _Asking,
        began: float,
        answer: Answer | None,
        failure: UnichatError | None,
    ) -> Program[None]:
        """Have the other side asked in the background, and return at once."""
        if failure is not None and (failure.stopped_by == "cancelled" or _is_mistake(failure)):
            return
        primary = Side(self._route_members[0].name, answer, failure, self._performer.clock.monotonic() - began)
        program = self._shadowing.end(followed, Pair(datetime.now(UTC), ask.question, primary, ask, ask.user))
        if program is None:
            return
        try:
            yield Start(program)
        except Exception as error:
            # Such as no thread to be had: the primary has answered all the same.
            program.close()
            self._shadowing.cancel(followed)
            log.warning("the other side of a shadow could not be asked: %s", error)

    def _clear(
        self, thread: object, *, deadline: object, done: dict[int, ClearResult] | None = None, **arguments: Any
    ) -> Program[ClearResult]:
        """Clear with the primary, and with the other side as far as that can be done; both have a part."""
        self._check_open()
        within = self._begin_deadline(check_deadline(deadline))
        primary, other = self._route_members
        reference = check_thread(thread)
        # The primary checks the arguments at once.
        cleared = clear_once(primary, thread, within, arguments, {} if done is None else done)

        def begin(member: Member, share: Deadline) -> Program[ClearResult]:
            if member is primary:
                return cleared
            return clear_other(self._shadowing, other, reference, arguments, self._grace, share)

        return _require_part(primary.name, clear_members((primary, other), begin, within))

    def _end_shadowing(self) -> None:
        """Say what became of the other side, before the members are closed."""
        self._shadowing.warn_at_end()


class _Asking:
    """Makes the program that asks the other side a question."""

    def __init__(self, route: ShadowRoute, question: str, arguments: dict[str, Any]) -> None:
        self.question = question
        self.user = user_key(arguments.get("user"))
        self._route = route
        self._arguments = arguments

    def __call__(self, thread: ThreadRef | None) -> Program[Answer]:
        other = self._route._route_members[1].asked
        operation = "chat" if thread is None else "continue_thread"
        return other._ask(operation, self.question, thread=thread, deadline=self._route._deadline, **self._arguments)  # type: ignore[no-any-return]


def _is_mistake(failure: UnichatError) -> bool:
    """Whether the question was the caller's mistake, which nobody need be asked."""
    return isinstance(failure, InvalidInput) and failure.call is None


def _require_part(primary: str, clearing: Program[ClearResult]) -> Program[ClearResult]:
    """Clear, and raise the primary's error if it has one, whatever the other side did."""
    result = yield from clearing
    part = result.parts[primary]
    if isinstance(part, UnichatError):
        raise part
    return result
