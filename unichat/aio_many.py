"""Many calls at a time, over tasks: the counterpart of `many`, with the same window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from inspect import isawaitable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unichat.errors import InvalidInput, UnichatError
from unichat.outcomes import OnProgress, Outcome, Window, check_function, check_items, check_progress

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

_ITEMS = "Pass a list, a generator or another iterable, async or not, of one item a call."
_FUNCTION = "Pass an async function of one item, such as bot.chat of an AsyncClient; for another: map_concurrent."


def map_concurrent_async(
    function: Callable[[I], Awaitable[R]],
    items: Iterable[I] | AsyncIterable[I],
    *,
    concurrency: int = 8,
    ordered: bool = True,
    on_progress: OnProgress | None = None,
) -> AsyncOutcomes[I, R]:
    """Await `function` of each of the `items`, several at a time, in tasks of one event loop.

    As `map_concurrent`, but for an asynchronous function, and for items that may come asynchronously: an outcome is
    given even while the next item has not come yet.

    Leaving early cancels the calls that run, waits until they have ended, and begins no more. An exception or a
    cancellation within the iteration does so at once, `async with` at the end of its block; after a `break` without it,
    the event loop does so when it comes to it.

    Args:
        function: called with one item; returns an awaitable, as the calls of an `AsyncClient` do.
        items: any iterable, asynchronous or not. One task takes them, one by one, as calls become free.
        concurrency, ordered: as for `map_concurrent`.
        on_progress: called with a `Progress` after each call, within the iteration; it should not block.

    Raises:
        InvalidInput: at once, for an argument that is not acceptable.
    """
    check_function("function", function, _FUNCTION)
    check_items(items, (Iterable, AsyncIterable), _ITEMS)
    check_progress(on_progress)
    window: Window[I, R] = Window(items, concurrency, ordered, on_progress)
    return AsyncOutcomes(_outcomes(function, items, window))


class AsyncOutcomes(Generic[I, R]):
    """The outcomes of `map_concurrent_async`, once each: an async iterator, and a context manager that ends it."""

    def __init__(self, outcomes: AsyncGenerator[Outcome[I, R], None]) -> None:
        self._outcomes = outcomes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[I, R]:
        return await anext(self._outcomes)

    async def close(self) -> None:
        """Cancel the calls that run, wait until they have ended, and begin no more. Closing twice is fine."""
        await self._outcomes.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _Tasks(Generic[I, R]):
    """The tasks of one iteration: one that takes the items, and one for each call that runs."""

    def __init__(self, function: Callable[[I], Awaitable[R]], window: Window[I, R]) -> None:
        self._function = function
        self._window = window
        self._running: set[asyncio.Task[Outcome[I, R] | None]] = set()
        self._ended: asyncio.Queue[asyncio.Task[Outcome[I, R] | None]] = asyncio.Queue()
        self._room = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._running)

    def start(self, coroutine: Coroutine[Any, Any, Outcome[I, R] | None]) -> None:
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._ended.put_nowait)

    async def feed(self, items: Iterable[I] | AsyncIterable[I]) -> None:
        # All items in one task: what an asynchronous generator has open, such as a time-out, belongs to a task.
        if isinstance(items, AsyncIterable):
            async for item in items:
                await self._begin(item)
        else:
            for item in items:
                await self._begin(item)

    async def _begin(self, item: I) -> None:
        self.start(_called(self._function, item, self._window.begin()))
        while not self._window.room:
            self._room.clear()
            await self._room.wait()

    async def settle(self, *, wait: bool) -> None:
        """Note what has ended; with `wait`, not before something has. Raises what is no error of a call."""
        while wait or not self._ended.empty():
            task = await self._ended.get()
            self._running.remove(task)
            outcome = task.result()
            if outcome is not None:
                self._window.end(outcome)
            wait = False

    def go_on(self) -> None:
        """Take more items, if the window has room."""
        self._room.set()

    async def cancel(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _outcomes(
    function: Callable[[I], Awaitable[R]], items: Iterable[I] | AsyncIterable[I], window: Window[I, R]
) -> AsyncGenerator[Outcome[I, R], None]:
    tasks = _Tasks(function, window)
    tasks.start(tasks.feed(items))
    try:
        while tasks or window.ready:
            await tasks.settle(wait=not window.ready)
            if window.ready:
                yield window.take()
            tasks.go_on()
    finally:
        await tasks.cancel()


async def _called(function: Callable[[I], Awaitable[R]], item: I, index: int) -> Outcome[I, R]:
    try:
        awaitable = function(item)
        if isawaitable(awaitable):
            return Outcome(item=item, index=index, result=await awaitable)
    except UnichatError as error:
        return Outcome(item=item, index=index, error=error)
    raise InvalidInput("function returns no awaitable", hint=_FUNCTION, argument="function")
