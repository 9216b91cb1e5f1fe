"""What is done when a program fails, and that nothing is done when it is closed."""

from __future__ import annotations

from typing import Any

import pytest

from unichat.execution.cleanup import run_with_cleanup
from unichat.execution.effects import Program, Sleep


def work(raised_on_the_way_out: BaseException | None = None) -> Program[str]:
    try:
        yield Sleep(1)
    finally:
        if raised_on_the_way_out is not None:
            raise raised_on_the_way_out
    return "done"


def clean_up(cleaned: list[BaseException]) -> Any:
    def run(error: BaseException) -> Program[None]:
        cleaned.append(error)
        yield Sleep(2)

    return run


def test_a_program_that_ends_has_nothing_to_clean_up() -> None:
    cleaned: list[BaseException] = []
    program = run_with_cleanup(work(), clean_up(cleaned))
    next(program)
    with pytest.raises(StopIteration) as stopped:
        program.send(None)
    assert (stopped.value.value, cleaned) == ("done", [])


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_is_raised_after_the_cleanup_which_is_not_within_its_handler(error: BaseException) -> None:
    cleaned: list[BaseException] = []
    program = run_with_cleanup(work(), clean_up(cleaned))
    next(program)
    effect = program.throw(error)
    assert isinstance(effect, Sleep)
    assert effect.seconds == 2
    with pytest.raises(type(error)) as raised:
        program.send(None)
    assert raised.value is error
    assert error.__context__ is None
    assert cleaned == [error]


@pytest.mark.parametrize("on_the_way_out", [None, ValueError("no"), KeyboardInterrupt()])
def test_a_program_that_is_closed_yields_nothing_more(on_the_way_out: BaseException | None) -> None:
    cleaned: list[BaseException] = []
    program = run_with_cleanup(work(on_the_way_out), clean_up(cleaned))
    next(program)
    if on_the_way_out is None:
        program.close()
    else:
        with pytest.raises(type(on_the_way_out)):
            program.close()
    assert cleaned == []


def test_a_program_that_runs_while_its_caller_is_closed_cleans_up_all_the_same() -> None:
    cleaned: list[BaseException] = []

    def caller() -> Any:
        try:
            yield
        finally:
            program = run_with_cleanup(work(), clean_up(cleaned))
            next(program)
            program.throw(ValueError("no"))
            with pytest.raises(ValueError, match="no"):
                program.send(None)

    closed = caller()
    next(closed)
    closed.close()
    assert len(cleaned) == 1
