"""What a shadow's other side is asked: stepped by hand, so that it answers when a test says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from unichat.errors import ServerError
from unichat.execution.effects import Sleep
from unichat.models import Answer, ThreadRef
from unichat.routing.settings import ShadowSettings
from unichat.routing.shadow_record import Side
from unichat.routing.shadowing import Pair, Shadowing

THREAD = ThreadRef("fake", "primary-1")


class Other:
    """The other side: it notes what it is asked, and answers when its program is run on."""

    def __init__(self) -> None:
        self.asked: list[ThreadRef | None] = []

    def __call__(self, thread: ThreadRef | None) -> Any:
        self.asked.append(thread)
        yield Sleep(1)
        return Answer(text="from the other", thread=thread or ThreadRef("fake", "other-1"))


@pytest.fixture
def other() -> Other:
    return Other()


def shadowing(**settings: Any) -> Shadowing:
    return Shadowing("other", ShadowSettings(**settings), lambda: 0.0)


def pair(other: Other, thread: ThreadRef | None = THREAD, error: Any = None) -> Pair:
    answer = None if error is not None else Answer(text="from the primary", thread=thread)
    return Pair(datetime.now(UTC), "Hello?", Side("primary", answer, error, 0.1), other)


def begin(state: Shadowing, thread: ThreadRef | None = None) -> Any:
    followed = state.begin(thread)
    assert followed is not None
    return followed


def finish(program: Any) -> None:
    for _ in program:
        pass


def test_a_thread_is_followed_in_order_by_one_program(other: Other) -> None:
    state = shadowing()
    program = state.end(begin(state), pair(other))
    next(program)
    # The second question comes while the other side has not answered the first.
    assert state.end(begin(state, THREAD), pair(other)) is None
    assert other.asked == [None]
    finish(program)
    assert other.asked == [None, ThreadRef("fake", "other-1")]
    # The third one afterwards.
    finish(state.end(begin(state, THREAD), pair(other)))
    assert len(other.asked) == 3
    assert state.left_out == 0


def test_more_than_may_run_at_a_time_are_left_out_and_counted(other: Other) -> None:
    state = shadowing(shadow_concurrency=2)
    programs = [state.end(begin(state), pair(other, ThreadRef("fake", str(number)))) for number in range(5)]
    assert [program is not None for program in programs] == [True, True, False, False, False]
    assert state.left_out == 3
    # What was left out once is not followed: the other side would answer out of context.
    assert state.end(begin(state, ThreadRef("fake", "4")), pair(other, ThreadRef("fake", "4"))) is None
    assert state.left_out == 4
    for program in programs[:2]:
        finish(program)
    assert state.end(begin(state), pair(other, None)) is not None


def test_waiting_questions_of_a_thread_count_as_running(other: Other) -> None:
    state = shadowing(shadow_concurrency=2)
    program = state.end(begin(state), pair(other))
    assert state.end(begin(state, THREAD), pair(other)) is None
    assert state.end(begin(state, THREAD), pair(other)) is None
    assert state.left_out == 1
    finish(program)
    # It has missed the third, but not those before it.
    assert len(other.asked) == 2
    assert state.begin(THREAD).is_broken


def test_after_a_failure_of_the_primary_the_thread_is_not_followed(other: Other) -> None:
    state = shadowing()
    finish(state.end(begin(state), pair(other)))
    finish(state.end(begin(state, THREAD), pair(other, error=ServerError("down"))))
    assert state.end(begin(state, THREAD), pair(other)) is None
    assert (len(other.asked), state.left_out) == (2, 1)


def test_a_program_that_is_interrupted_leaves_nothing_running(other: Other) -> None:
    state = shadowing(shadow_concurrency=1)
    program = state.end(begin(state), pair(other))
    next(program)
    program.close()
    assert state.end(begin(state), pair(other, None)) is not None


def test_a_program_that_could_not_be_started_leaves_nothing_running(other: Other) -> None:
    state = shadowing(shadow_concurrency=1)
    followed = begin(state)
    program = state.end(followed, pair(other))
    program.close()
    state.cancel(followed)
    assert state.left_out == 1
    assert state.end(begin(state), pair(other, None)) is not None
    state.wait(0)


def test_the_share_is_drawn_once_for_a_thread(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([0.1, 0.3])
    monkeypatch.setattr("random.random", lambda: next(draws))
    state = shadowing(share=0.25)
    finish(state.end(begin(state), pair(other)))
    assert state.begin(None) is None
    # No draw is left: the thread was chosen with its first question.
    assert begin(state, THREAD) is begin(state, THREAD)


def test_the_thread_that_was_asked_in_least_recently_is_forgotten(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unichat.routing.shadowing._THREADS", 2)
    state = shadowing()
    for number in range(3):
        finish(state.end(begin(state), pair(other, ThreadRef("fake", str(number)))))
    assert [state.begin(ThreadRef("fake", str(number))) is not None for number in range(3)] == [False, True, True]
