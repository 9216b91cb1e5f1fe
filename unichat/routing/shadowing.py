"""What a shadow's other side is asked, and when: no I/O, and nothing that the primary would notice.

The other side is asked after the primary has answered, in the background. Its threads follow the primary's, one
question after the other. As soon as it has missed one of a thread's questions, or failed, it is asked no more in that
thread: it would answer out of context.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from attrs import define, field, frozen

from unichat._text.log import log
from unichat.errors import InvalidInput, UnichatError, Unsupported
from unichat.execution.effects import Execute, Program
from unichat.models import Answer, ThreadRef
from unichat.routing.settings import ShadowSettings
from unichat.routing.shadow_record import ShadowRecord, Side, format_line

_THREADS = 10_000
"""How many threads are followed at most: the one that was asked in least recently is forgotten."""
_WARN_AFTER = 3
"""Failures of the other side after which a warning says so, if it has never answered."""


@frozen(eq=False)
class Pair:
    """A question that the primary was asked, and what it said.

    Attributes:
        ask: makes the program that asks the other side, in its thread or in a new one.
        user: the id of who asked; None where nobody was named.
    """

    at: datetime
    question: str
    primary: Side
    ask: Callable[[ThreadRef | None], Program[Answer]]
    user: str | None = None


@define(eq=False)
class Followed:
    """A thread of the primary's that the other side follows.

    Attributes:
        threads: the other side's, in the order of their last answers; more than one where it is a route that has moved
            its thread.
        is_broken: whether the other side has missed something of it.
        waiting: the pairs that the other side has not answered.
    """

    threads: dict[ThreadRef, None] = field(factory=dict)
    is_broken: bool = False
    waiting: deque[Pair] = field(factory=deque)

    @property
    def thread(self) -> ThreadRef | None:
        """The other side's thread now; None before its first answer."""
        return next(reversed(self.threads), None)

    def keep(self, thread: ThreadRef) -> None:
        """Keep in which thread the other side has answered."""
        # As a reference it may be a newer one.
        self.threads.pop(thread, None)
        self.threads[thread] = None


class Shadowing:
    """The state of one shadow, shared by the clients made of it with `with_policy`. Safe to share between threads.

    Args:
        other: the name of the other side.
        settings: of the shadow.
        clock: returns seconds.

    Attributes:
        left_out: how many questions the other side was not asked.
    """

    def __init__(self, other: str, settings: ShadowSettings, clock: Callable[[], float]) -> None:
        self._other = other
        self._settings = settings
        self._clock = clock
        self._record = None if settings.record is None else ShadowRecord(settings.record)
        self._threads: OrderedDict[ThreadRef, Followed] = OrderedDict()
        self._busy: set[Followed] = set()
        """Those of which a program asks what is waiting."""
        # One that a thread can take again: a forgotten stream may be collected, and left out, in the midst of anything.
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._running = self._asked = self._answered = 0
        self._has_warned = False
        self.left_out = 0

    def begin(self, thread: ThreadRef | None) -> Followed | None:
        """Return what follows a thread, for a question that the primary is about to be asked; None if nothing does.

        For a new thread it is drawn.
        """
        if thread is None:
            return Followed() if random.random() < self._settings.share else None  # noqa: S311
        with self._lock:
            return self._threads.get(thread)

    def find(self, thread: ThreadRef) -> Followed | None:
        """Return what follows one of the primary's threads; None if nothing does."""
        with self._lock:
            return self._threads.get(thread)

    def find_busy(self, user: str | None) -> list[Followed]:
        """Return those in which a question of a user, or of nobody in particular, has not been answered."""
        with self._lock:
            return [each for each in self._busy if any(pair.user == user for pair in each.waiting)]

    def are_busy(self, followed: Iterable[Followed]) -> bool:
        """Whether a question in any of them has not been answered."""
        with self._lock:
            return any(each in self._busy for each in followed)

    def leave_out_waiting(self, followed: Iterable[Followed]) -> None:
        """Give up what waits in threads, but for the question that is out in each."""
        with self._lock:
            for each in followed:
                while len(each.waiting) > 1:
                    each.waiting.pop()
                    each.is_broken = True
                    self._running -= 1
                    self.left_out += 1

    def end(self, followed: Followed, pair: Pair) -> Program[None] | None:
        """Take what the primary said; return the program that asks the other side, or None if that is not to be run."""
        answer = pair.primary.answer
        with self._lock:
            if answer is not None and answer.thread is not None:
                self._threads[answer.thread] = followed
                self._threads.move_to_end(answer.thread)
                if len(self._threads) > _THREADS:
                    self._threads.popitem(last=False)
            if followed.is_broken or self._running >= self._settings.shadow_concurrency:
                self.left_out += 1
                followed.is_broken = True
                return None
            self._running += 1
            followed.waiting.append(pair)
            if followed in self._busy:
                return None
            self._busy.add(followed)
        return self._ask_waiting(followed)

    def leave_out(self, followed: Followed) -> None:
        """Count a question that the other side is not asked, since the primary's answer was not waited for."""
        with self._lock:
            followed.is_broken = True
            self.left_out += 1

    def cancel(self, followed: Followed) -> None:
        """Give up what waits in a thread, whose program could not be started."""
        with self._lock:
            self._give_up(followed)

    def _give_up(self, followed: Followed) -> None:
        self._busy.discard(followed)
        followed.is_broken = True
        self._running -= len(followed.waiting)
        self.left_out += len(followed.waiting)
        followed.waiting.clear()
        self._idle.notify_all()

    def _ask_waiting(self, followed: Followed) -> Program[None]:
        try:
            while True:
                with self._lock:
                    if not followed.waiting:
                        self._busy.discard(followed)
                        return
                    pair = followed.waiting[0]
                goes_on = yield from self._ask(followed, pair)
                with self._lock:
                    followed.waiting.popleft()
                    self._running -= 1
                    if not goes_on:
                        self._give_up(followed)
                        return
                    self._idle.notify_all()
        except BaseException:
            with self._lock:
                self._give_up(followed)
            raise

    def _ask(self, followed: Followed, pair: Pair) -> Program[bool]:
        """Ask the other side one question, and record the pair; return whether it can follow the thread further."""
        answer: Answer | None = None
        failure: UnichatError | None = None
        began = self._clock()
        try:
            answer = yield from pair.ask(followed.thread)
        except UnichatError as error:
            failure = error
        seconds = self._clock() - began
        if answer is not None and answer.thread is not None:
            followed.keep(answer.thread)
        if failure is not None and failure.call is None and isinstance(failure, InvalidInput | Unsupported):
            with self._lock:
                self.left_out += 1
            log.info("the other side of a shadow, %s, cannot be asked: %s", self._other, failure)
            return False
        self._count(failure)
        if self._record is not None:
            other = Side(self._other, answer, failure, seconds)
            line = format_line(pair.at, pair.question, pair.primary, other)
            yield Execute(partial(self._record.append, line), True)
        # What the primary failed to answer is not in its thread, either.
        return answer is not None and answer.thread is not None and pair.primary.error is None

    def _count(self, failure: UnichatError | None) -> None:
        with self._lock:
            self._asked += 1
            self._answered += failure is None
            warns = not self._answered and self._asked >= _WARN_AFTER and not self._has_warned
            self._has_warned = self._has_warned or warns
        if warns:
            log.warning(
                "the other side of a shadow, %s, has answered none of %d questions: %s",
                self._other, self._asked, failure,
            )  # fmt: skip

    def wait(self, seconds: float) -> None:
        """Wait until nothing runs any more, or for so many seconds."""
        with self._idle:
            self._idle.wait_for(lambda: not self._running, seconds)

    def warn_at_end(self) -> None:
        """Log a warning if the other side has never answered, though there was something to ask."""
        with self._lock:
            asked = self._asked + self._running
            silent = (asked or self.left_out) and not self._answered
            warns, self._has_warned = silent and not self._has_warned, True
        if warns:
            log.warning(
                "the other side of a shadow, %s, has answered nothing (questions asked: %d, left out: %d)",
                self._other, asked, self.left_out,
            )  # fmt: skip
