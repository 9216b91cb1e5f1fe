"""Many calls at a time, where tasks differ from threads: cancelling, closing, items that come when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest

from unichat import map_concurrent_async
from unichat.errors import InvalidInput


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test, and see that it leaves no task behind."""

    async def alone() -> None:
        async with asyncio.timeout(20):
            await test()
        # What a `break` leaves is for the loop to end.
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(alone())


async def counted(most: int) -> AsyncIterator[int]:
    for number in range(most):
        yield number


class Calls:
    """Calls that wait for ever but for those of the `quick` items; notes what began and what was cancelled."""

    def __init__(self, *quick: int) -> None:
        self.quick = quick
        self.begun: list[int] = []
        self.cancelled: list[int] = []

    async def __call__(self, item: int) -> int:
        self.begun.append(item)
        try:
            if item not in self.quick:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        return item


@pytest.mark.parametrize("ordered", [True, False])
def test_items_may_come_asynchronously(ordered: bool) -> None:
    async def test() -> None:
        calls = Calls(*range(30))
        found = [outcome.result async for outcome in map_concurrent_async(calls, counted(30), ordered=ordered)]
        assert sorted(found) == list(range(30))

    run(test)


def test_an_outcome_is_given_while_the_next_item_has_not_come() -> None:
    async def test() -> None:
        asking: asyncio.Queue[int] = asyncio.Queue()

        async def items() -> AsyncIterator[int]:
            while True:
                yield await asking.get()

        async with map_concurrent_async(Calls(0, 1, 2), items()) as outcomes:
            for number in range(3):
                asking.put_nowait(number)
                assert (await anext(outcomes)).result == number

    run(test)


def test_one_task_takes_the_items() -> None:
    async def test() -> None:
        takers = set()

        async def items() -> AsyncIterator[int]:
            # A time-out that is open across a yield belongs to the task that opened it.
            async with asyncio.timeout(20):
                for number in range(20):
                    takers.add(asyncio.current_task())
                    yield number

        assert [outcome.result async for outcome in map_concurrent_async(Calls(*range(20)), items())] == [*range(20)]
        assert len(takers) == 1

    run(test)


def test_leaving_the_block_cancels_what_runs_and_begins_no_more() -> None:
    async def test() -> None:
        calls = Calls(0)
        async with map_concurrent_async(calls, range(100), concurrency=3) as outcomes:
            async for outcome in outcomes:
                assert outcome.result == 0
                break
        assert calls.begun[:3] == [0, 1, 2]
        assert sorted({*calls.begun} - {*calls.cancelled}) == [0]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)
        await outcomes.close()

    run(test)


def test_a_break_without_a_block_is_noticed_by_the_loop() -> None:
    async def test() -> None:
        calls = Calls(0)
        async for _ in map_concurrent_async(calls, range(100), concurrency=3):
            break
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0)
        assert sorted({*calls.begun} - {*calls.cancelled}) == [0]

    run(test)


def test_cancelling_whoever_iterates_cancels_the_calls_before_it_ends() -> None:
    async def test() -> None:
        calls = Calls()

        async def iterate() -> None:
            async for _ in map_concurrent_async(calls, range(100), concurrency=3):
                pass

        task = asyncio.create_task(iterate())
        while len(calls.begun) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert sorted(calls.cancelled) == calls.begun == [0, 1, 2]

    run(test)


def test_a_timeout_of_asyncio_composes_with_an_iteration() -> None:
    async def test() -> None:
        calls = Calls()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(map_concurrent_async(calls, range(100), concurrency=3))
        assert sorted(calls.cancelled) == [0, 1, 2]

    run(test)


def test_items_that_do_not_come_are_given_up_with_the_rest() -> None:
    async def test() -> None:
        ended = []

        async def items() -> AsyncIterator[int]:
            try:
                yield 0
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        async with map_concurrent_async(Calls(0), items()) as outcomes:
            await anext(outcomes)
        assert ended == [True]

    run(test)


def test_a_call_that_was_cancelled_from_elsewhere_is_no_outcome() -> None:
    async def test() -> None:
        async def function(item: int) -> None:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await anext(map_concurrent_async(function, [1]))

    run(test)


@pytest.mark.parametrize("function", [abs, lambda item: item])
def test_a_function_that_returns_no_awaitable_is_a_mistake_that_is_raised(function: Any) -> None:
    async def test() -> None:
        with pytest.raises(InvalidInput, match="awaitable") as caught:
            await anext(map_concurrent_async(function, [1]))
        assert "map_concurrent" in caught.value.hint

    run(test)


def test_calls_run_with_the_context_of_whoever_iterates() -> None:
    async def test() -> None:
        trace = ContextVar("trace", default="none")
        trace.set("mine")

        async def function(item: int) -> str:
            return trace.get()

        assert {outcome.result async for outcome in map_concurrent_async(function, range(4))} == {"mine"}

    run(test)


def test_a_slow_reader_is_not_run_ahead_of() -> None:
    async def test() -> None:
        pulled: list[int] = []

        def items() -> Iterator[int]:
            for number in range(1_000):
                pulled.append(number)
                yield number

        async with map_concurrent_async(Calls(*range(1_000)), items(), concurrency=2) as outcomes:
            for given in range(1, 20):
                await anext(outcomes)
                for _ in range(50):
                    await asyncio.sleep(0)
                assert len(pulled) <= given + 4 * 2

    run(test)
