"""Many calls at a time, where tasks differ from threads: cancelling, closing, items that come when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from concurrent import futures
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest

from unichat import map_concurrent_async
from unichat.errors import InvalidInput, UnichatError


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


async def count_up(most: int) -> AsyncIterator[int]:
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
        found = [outcome.result async for outcome in map_concurrent_async(calls, count_up(30), ordered=ordered)]
        assert sorted(found) == list(range(30))

    run(test)


def test_an_outcome_is_yielded_before_the_next_item_arrives() -> None:
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


def test_leaving_the_block_cancels_running_calls_and_starts_no_more() -> None:
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


def test_cancelling_the_consumer_cancels_the_calls_before_it_ends() -> None:
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


def test_items_that_never_arrive_are_cancelled_with_the_rest() -> None:
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


async def raise_cancelled(item: int) -> int:
    raise asyncio.CancelledError


async def cancel_task(item: int) -> int:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return await asyncio.sleep(0, item)


async def await_cancelled_future(item: int) -> int:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    return int(await future)


def cancel_at_once(item: int) -> Awaitable[int]:
    raise asyncio.CancelledError


async def cancel_elsewhere(item: int) -> int:
    raise futures.CancelledError


@pytest.mark.parametrize(
    "cancelled", [raise_cancelled, cancel_task, await_cancelled_future, cancel_at_once, cancel_elsewhere]
)
def test_a_call_that_is_cancelled_is_a_failure_and_ends_no_other(cancelled: Callable[[int], Awaitable[int]]) -> None:
    async def test() -> None:
        calls = Calls(*range(6))

        def function(item: int) -> Awaitable[int]:
            return cancelled(item) if item == 3 else calls(item)

        found = [outcome async for outcome in map_concurrent_async(function, range(6), concurrency=2)]
        assert [outcome.item for outcome in found if outcome.ok] == [0, 1, 2, 4, 5]
        assert (found[3].item, found[3].index, type(found[3].error)) == (3, 3, UnichatError)
        assert "cancelled" in str(found[3].error)

    run(test)


def test_a_call_that_is_cancelled_before_it_runs_is_a_failure() -> None:
    async def test() -> None:
        before = asyncio.all_tasks()
        calls = Calls(0)

        def items() -> Iterator[int]:
            yield 0
            (call,) = asyncio.all_tasks() - before - {asyncio.current_task()}
            call.cancel()

        (outcome,) = [outcome async for outcome in map_concurrent_async(calls, items())]
        assert type(outcome.error) is UnichatError
        assert calls.begun == []

    run(test)


@pytest.mark.parametrize("ordered", [True, False])
def test_an_error_of_asynchronous_items_is_raised_after_the_outcomes_of_all_before_it(ordered: bool) -> None:
    async def test() -> None:
        goes_on = asyncio.Event()

        async def items() -> AsyncIterator[int]:
            yield 0
            yield 1
            raise TimeoutError("of the items")

        async def function(item: int) -> int:
            if item == 0:
                await goes_on.wait()
            else:
                # The items have failed by then.
                asyncio.get_running_loop().call_later(0, goes_on.set)
            return item

        outcomes = map_concurrent_async(function, items(), ordered=ordered)
        found = [(await anext(outcomes)).result for _ in range(2)]
        with pytest.raises(TimeoutError, match="of the items"):
            await anext(outcomes)
        assert found == ([0, 1] if ordered else [1, 0])

    run(test)


async def raise_after_one(error: BaseException) -> AsyncIterator[int]:
    yield 0
    raise error


def plainly_raising(error: BaseException) -> Iterator[int]:
    yield 0
    raise error


@pytest.mark.parametrize("items", [raise_after_one, plainly_raising])
def test_items_that_are_cancelled_are_told_from_a_cancellation_of_the_consumer(items: Any) -> None:
    async def test() -> None:
        outcomes = map_concurrent_async(Calls(0), items(asyncio.CancelledError()))
        assert (await anext(outcomes)).result == 0
        with pytest.raises(RuntimeError, match="the items were cancelled") as caught:
            await anext(outcomes)
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)

    run(test)


class TimedItems:
    """Items with a time-out around them, which runs out while they wait for room: the first call sees to that."""

    def __init__(self) -> None:
        self.limit = asyncio.timeout(None)

    async def call(self, item: int) -> int:
        if item == 0:
            self.limit.reschedule(0)
            while not self.limit.expired():
                await asyncio.sleep(0)
        return item

    async def items(self) -> AsyncIterator[int]:
        async with self.limit:
            for number in range(10):
                yield number

    async def items_that_go_on(self) -> AsyncIterator[int]:
        with suppress(TimeoutError):
            async with self.limit:
                for number in range(10):
                    yield number
        yield 100
        yield 101


def test_a_timeout_of_items_that_wait_for_room_is_raised_in_them() -> None:
    async def test() -> None:
        timed = TimedItems()
        outcomes = map_concurrent_async(timed.call, timed.items(), concurrency=1)
        assert (await anext(outcomes)).result == 0
        with pytest.raises(TimeoutError):
            await anext(outcomes)

    run(test)


def test_items_may_continue_after_their_own_timeout() -> None:
    async def test() -> None:
        timed = TimedItems()
        outcomes = map_concurrent_async(timed.call, timed.items_that_go_on(), concurrency=1)
        assert [outcome.result async for outcome in outcomes] == [0, 100, 101]

    run(test)


class Cursor:
    """Items that are not a generator; records who took the first and who closed them."""

    def __init__(self) -> None:
        self.number = -1
        self.closed: list[Any] = []
        self.takers: set[Any] = set()

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        self.takers.add(asyncio.current_task())
        self.number += 1
        if self.number == 20:
            raise StopAsyncIteration
        return self.number

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed.append(asyncio.current_task())


def test_items_with_aclose_are_closed_once_by_the_task_that_took_them() -> None:
    async def test() -> None:
        cursor = Cursor()
        assert len([outcome async for outcome in map_concurrent_async(Calls(*range(20)), cursor)]) == 20
        assert cursor.closed == list(cursor.takers)

        cursor = Cursor()
        async with map_concurrent_async(Calls(0), cursor, concurrency=2) as outcomes:
            await anext(outcomes)
            assert cursor.closed == []
        assert cursor.closed == list(cursor.takers)

        cursor = Cursor()
        async with map_concurrent_async(Calls(0), cursor):
            pass
        assert cursor.closed == []

    run(test)


@pytest.fixture
def closed_items() -> list[str]:
    return []


@pytest.fixture
def make_items(closed_items: list[str]) -> Callable[[], AsyncGenerator[int, None]]:
    """Makes items that wait for room, and note that they are closed, which takes a moment."""

    async def items() -> AsyncGenerator[int, None]:
        try:
            for number in range(100):
                yield number
        finally:
            await asyncio.sleep(0)
            closed_items.append("items")

    return items


def test_items_that_wait_are_closed_however_the_iteration_is_left(
    make_items: Callable[[], AsyncGenerator[int, None]], closed_items: list[str]
) -> None:
    async def test() -> None:
        # Held on to, so that it is not for the garbage collector to close them.
        items = [make_items() for _ in range(5)]
        async with map_concurrent_async(Calls(0), items[0], concurrency=2) as outcomes:
            async for _ in outcomes:
                break
        assert closed_items == ["items"]

        with suppress(ZeroDivisionError):
            async with map_concurrent_async(Calls(0), items[1], concurrency=2) as outcomes:
                async for _ in outcomes:
                    _ = 1 / 0
        assert closed_items == ["items"] * 2

        async def wrong(item: int) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await anext(map_concurrent_async(wrong, items[2], concurrency=2))
        assert closed_items == ["items"] * 3

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(map_concurrent_async(Calls(), items[3], concurrency=2))
        assert closed_items == ["items"] * 4

        async for _ in map_concurrent_async(Calls(0), items[4], concurrency=2):
            break
        while len(closed_items) < 5:
            await asyncio.sleep(0)

    run(test)


def test_a_cancellation_of_the_consumer_goes_before_an_error_on_closing_the_items() -> None:
    async def test() -> None:
        calls = Calls()

        async def items() -> AsyncIterator[int]:
            try:
                yield 0
                yield 1
            finally:
                raise ZeroDivisionError

        source = items()

        async def iterate() -> None:
            await anext(map_concurrent_async(calls, source, concurrency=1))

        task = asyncio.create_task(iterate())
        while not calls.begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert calls.cancelled == [0]

    run(test)


class Endless:
    """The least that can be iterated over asynchronously: there is nothing to close."""

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        return 0


def test_cancelling_the_task_that_takes_the_items_is_told_from_a_cancellation_of_the_consumer() -> None:
    async def test() -> None:
        before = asyncio.all_tasks()

        async def function(item: int) -> None:
            (taking,) = asyncio.all_tasks() - before - {asyncio.current_task()}
            taking.cancel()

        outcomes = map_concurrent_async(function, Endless(), concurrency=1)
        assert (await anext(outcomes)).ok
        with pytest.raises(RuntimeError, match="the items were cancelled"):
            await anext(outcomes)

    run(test)


def test_cancelling_everything_as_a_loop_does_at_its_end_is_a_cancellation_of_the_consumer() -> None:
    async def test() -> None:
        before = asyncio.all_tasks()
        calls = Calls()

        async def iterate() -> None:
            await anext(map_concurrent_async(calls, count_up(100), concurrency=3))

        iterating = asyncio.create_task(iterate())
        while len(calls.begun) < 3:
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - before
        for task in sorted(tasks, key=lambda task: task is iterating):
            task.cancel()
        await asyncio.wait(tasks)
        assert iterating.cancelled()
        assert calls.begun == [0, 1, 2]

    run(test)


def test_items_that_continue_although_cancelled_start_no_call() -> None:
    async def test() -> None:
        calls = Calls(0, 1)
        ended = []

        async def items() -> AsyncIterator[int]:
            try:
                yield 0
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                yield 1
            finally:
                ended.append(True)

        source = items()
        async with map_concurrent_async(calls, source) as outcomes:
            await anext(outcomes)
        assert calls.begun == [0]
        assert ended == [True]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(test)


@pytest.mark.parametrize("function", [abs, lambda item: item])
def test_a_function_that_does_not_return_an_awaitable_raises_invalid_input(function: Any) -> None:
    async def test() -> None:
        with pytest.raises(InvalidInput, match="awaitable") as caught:
            await anext(map_concurrent_async(function, [1]))
        assert "map_concurrent" in caught.value.hint

    run(test)


def test_calls_run_with_the_context_of_the_consumer() -> None:
    async def test() -> None:
        trace = ContextVar("trace", default="none")
        trace.set("mine")

        async def function(item: int) -> str:
            return trace.get()

        assert {outcome.result async for outcome in map_concurrent_async(function, range(4))} == {"mine"}

    run(test)


def test_calls_do_not_run_ahead_of_a_slow_consumer() -> None:
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
