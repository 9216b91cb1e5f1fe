"""Steps that a synchronous and an asynchronous transport share."""

import asyncio

import pytest

from unichat.testing.steps import run, run_async


def add(first, second):
    one = yield first()
    two = yield second()
    return one + two


async def answer(value):
    await asyncio.sleep(0)
    return value


async def fail():
    raise ConnectionError("down")


def test_run_sends_results_straight_back():
    assert run(add(lambda: 1, lambda: 2)) == 3


def test_run_async_awaits_each_step():
    assert asyncio.run(run_async(add(lambda: answer(1), lambda: answer(2)))) == 3


def test_run_of_a_step_that_raises_raises_the_same():
    with pytest.raises(ZeroDivisionError):
        run(add(lambda: 1 // 0, lambda: 2))


def test_run_async_of_a_step_that_raises_ends_the_generator():
    steps = add(lambda: answer(1), fail)
    with pytest.raises(ConnectionError):
        asyncio.run(run_async(steps))
    assert steps.gi_frame is None
