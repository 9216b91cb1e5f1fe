"""Many calls at a time, over tasks: the counterpart of `many`, with the same window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from inspect import isawaitable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unichat._text.templates import PythonOnly, Template
from unichat.client.outcomes import (
    OnProgress,
    Outcome,
    Window,
    cancelled_call_error,
    check_function,
    check_items,
    check_progress,
    close_items,
    is_cancellation,
    items_failure,
)
from unichat.errors import InvalidInput, UnichatError

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

_ITEMS = Template(PythonOnly("Pass a list, a generator or another iterable, async or not, of one item per call."))
_FUNCTION = Template(
    PythonOnly("Pass an async function of one item, such as bot.chat of an AsyncClient; for another: map_concurrent.")
)


def map_concurrent_async(
    function: Callable[[I], Awaitable[R]],
    items: Iterable[I] | AsyncIterable[I],
    *,
    concurrency: int = 8,
    ordered: bool = True,
    on_progress: OnProgress | None = None,
) -> AsyncOutcomes[I, R]:
    """Await `function` of each of the `items`, several at a time, in tasks of one event loop.

    As `map_concurrent`, but for an asynchronous function, and for items that may arrive asynchronously: an outcome
    is yielded even while the next item has not arrived yet.

    Leaving early cancels the running calls, waits until they have ended, and starts no more. An exception or a
    cancellation within the iteration does so immediately, `async with` at the end of its block; after a `break` without
    it, the event loop does so eventually. If any items were taken, they are then closed: asynchronous ones if they have
    `aclose`, others if they are a generator.

    Only a cancellation of the consumer is raised as one. That of a call is an error in its outcome.

    Args:
        function: called with one item; returns an awaitable, as the calls of an `AsyncClient` do.
        items: any iterable, asynchronous or not. One task takes them, one by one, as calls complete, and closes
            them.
        concurrency, ordered: as for `map_concurrent`.
        on_progress: called with a `Progress` after each call, within the iteration; it should not block.

    Raises:
        InvalidInput: at once, for an argument that is not acceptable.
        RuntimeError: from the iterator: the items raised asyncio's `CancelledError`, or something cancelled the task
            that takes them.
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
        """Cancel the running calls, wait until they have ended, start no more, and close the items.

        Closing twice is fine.
        """
        await self._outcomes.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _Tasks(Generic[I, R]):
    """The tasks of one iteration: one that takes the items, and one for each running call.

    Attributes:
        failure: what the items raised; None if nothing.
    """

    def __init__(
        self, function: Callable[[I], Awaitable[R]], items: Iterable[I] | AsyncIterable[I], window: Window[I, R]
    ) -> None:
        self.failure: Exception | None = None
        self._function = function
        self._window = window
        # With the item and its index, except for the task that takes the items.
        self._running: dict[asyncio.Task[Any], tuple[I, int] | None] = {}
        self._ended: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        self._room = asyncio.Event()
        self._stopped = False
        self._feeding = self._start(self._feed(items), None)

    def __bool__(self) -> bool:
        return bool(self._running)

    def _start(self, coroutine: Coroutine[Any, Any, Any], started: tuple[I, int] | None) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._running[task] = started
        task.add_done_callback(self._ended.put_nowait)
        return task

    async def _feed(self, items: Iterable[I] | AsyncIterable[I]) -> None:
        # All items in one task: what an asynchronous generator has open, such as a time-out, belongs to a task.
        source = aiter(items if isinstance(items, AsyncIterable) else _iterate_async(items))
        try:
            while True:
                item = await self._next(source)
                if self._stopped:
                    # The items continued although they were cancelled.
                    break
                index = self._window.begin()
                self._start(_call_function(self._function, item, index), (item, index))
        except StopAsyncIteration:
            pass
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    async def _next(self, source: AsyncIterator[I]) -> I:
        try:
            await self._wait_for_room()
        except asyncio.CancelledError as cancelled:
            if self._stopped or not isinstance(source, AsyncGenerator):
                raise
            # A time-out within the items expired while they waited here: it is for them to handle.
            item: I = await source.athrow(cancelled)
            await self._wait_for_room()
            return item
        return await anext(source)

    async def _wait_for_room(self) -> None:
        while not self._window.room:
            self._room.clear()
            await self._room.wait()

    async def settle(self, *, wait: bool) -> None:
        """Note what has ended; with `wait`, wait for something first. Raises an error of neither a call nor an item."""
        while wait or not self._ended.empty():
            task = await self._ended.get()
            started = self._running.pop(task)
            if started is not None:
                self._window.end(_outcome(task, *started))
            else:
                self._end_feeding(task)
            wait = False

    def _end_feeding(self, feeding: asyncio.Task[None]) -> None:
        try:
            feeding.result()
        except BaseException as error:
            # Not yet: the calls started before are paid for.
            self.failure = items_failure(error)

    def resume(self) -> None:
        """Take more items, if the window has room."""
        self._room.set()

    async def stop(self) -> None:
        """Start no more, cancel what runs, and wait until it has ended. Raises what the items raise on closing."""
        closing = not self._feeding.done()
        self._stopped = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if closing and not self._feeding.cancelled():
            error, current = self._feeding.exception(), asyncio.current_task()
            # Nothing replaces a cancellation of the consumer.
            if error is not None and not (current is not None and current.cancelling()):
                raise error


async def _outcomes(
    function: Callable[[I], Awaitable[R]], items: Iterable[I] | AsyncIterable[I], window: Window[I, R]
) -> AsyncGenerator[Outcome[I, R], None]:
    tasks = _Tasks(function, items, window)
    try:
        while tasks or window.ready:
            await tasks.settle(wait=not window.ready)
            if window.ready:
                yield window.take()
            tasks.resume()
        if tasks.failure is not None:
            raise tasks.failure
    finally:
        await tasks.stop()


async def _iterate_async(items: Iterable[I]) -> AsyncGenerator[I, None]:
    remaining = iter(items)
    try:
        while True:
            try:
                item = next(remaining)
            except StopIteration:
                break
            yield item
    finally:
        close_items(remaining)


def _outcome(task: asyncio.Task[Outcome[I, R]], item: I, index: int) -> Outcome[I, R]:
    try:
        return task.result()
    except BaseException as error:
        # Of the task, not within it: one that is cancelled before it runs never gets to handle it.
        if not is_cancellation(error):
            raise
        return Outcome(item=item, index=index, error=cancelled_call_error())


async def _call_function(function: Callable[[I], Awaitable[R]], item: I, index: int) -> Outcome[I, R]:
    try:
        awaitable = function(item)
        if isawaitable(awaitable):
            return Outcome(item=item, index=index, result=await awaitable)
    except UnichatError as error:
        return Outcome(item=item, index=index, error=error)
    raise InvalidInput("function does not return an awaitable", hint=_FUNCTION, argument="function")
