"""Many calls at a time, over threads: with bounded concurrency, in order or as they complete, errors as values."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from inspect import isawaitable, iscoroutine
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

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

_ITEMS = Template(
    PythonOnly(
        "Pass a list, a generator or another iterable, of one item per call; for an async one: map_concurrent_async."
    )
)
_FUNCTION = Template(
    PythonOnly("Pass a function of one item, such as bot.chat; for an async one: map_concurrent_async.")
)


def map_concurrent(
    function: Callable[[I], R],
    items: Iterable[I],
    *,
    concurrency: int = 8,
    ordered: bool = True,
    on_progress: OnProgress | None = None,
) -> Outcomes[I, R]:
    """Call `function` with each of the `items`, several at a time, in threads: `map_concurrent(bot.chat, questions)`.

    The iterator yields an `Outcome` for each item. Every `UnichatError` of a call is a value there, so one failure ends
    no other call; so is a cancellation that the function raises. Any other exception of the function or of
    `on_progress` is raised, and ends the iteration as leaving it early does. One of the items is raised as well, but
    only after the outcomes of all items before it.

    Nothing is called before the first outcome is requested. Items are taken one by one, in the thread that iterates, as
    calls complete: of a generator of a million, no more than `concurrency` are held, or, in order, four times as many,
    so that one slow call does not stop the others. Calls run in the context (`contextvars`) of the consumer.

    Leaving early, by `break`, `close`, an exception or Ctrl-C, starts no more calls, and waits for those that run: each
    ends by its own deadline, or immediately if the client is closed. Then items that are a generator are closed, if any
    were taken.

    Args:
        function: called with one item; must be safe to call from several threads, as a client's calls are.
        items: any iterable. An item may be more than a question: the function takes it apart.
        concurrency: calls at a time, from 1 to 10,000. A client sends up to 64 at a time (its `connections`); more
            queue within their deadlines.
        ordered: in the order of the items; False: as they complete.
        on_progress: called with a `Progress` after each call, in the thread that iterates, one after the other.

    Raises:
        InvalidInput: at once, for an argument that is not acceptable.
        RuntimeError: from the iterator: the items raised asyncio's `CancelledError`.
    """
    check_function("function", function, _FUNCTION, blocking=True)
    check_items(items, Iterable, _ITEMS)
    check_progress(on_progress)
    window: Window[I, R] = Window(items, concurrency, ordered, on_progress)
    return Outcomes(_outcomes(function, items, window))


class Outcomes(Generic[I, R]):
    """The outcomes of `map_concurrent`, once each: an iterator, and a context manager that ends it.

    `for` alone ends it as well, as soon as nothing refers to the iterator any more.
    """

    def __init__(self, outcomes: Generator[Outcome[I, R], None, None]) -> None:
        self._outcomes = outcomes

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Outcome[I, R]:
        return next(self._outcomes)

    def close(self) -> None:
        """Start no more calls, wait for the running ones, and close the items. Closing twice is fine."""
        self._outcomes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _outcomes(
    function: Callable[[I], R], items: Iterable[I], window: Window[I, R]
) -> Generator[Outcome[I, R], None, None]:
    ended: SimpleQueue[Future[Outcome[I, R]]] = SimpleQueue()
    remaining = iter(items)
    more, failure = True, None
    try:
        with ThreadPoolExecutor(window.concurrency, thread_name_prefix="unichat-map") as threads:
            while more or window.running or window.ready:
                if more and window.room:
                    # One at a time while there is an outcome to yield: the items may be slow to arrive.
                    try:
                        item = next(remaining)
                    except StopIteration:
                        more = False
                    except BaseException as error:
                        # Not yet: the calls started before are paid for.
                        more, failure = False, items_failure(error)
                    else:
                        call = threads.submit(copy_context().run, _call_function, function, item, window.begin())
                        call.add_done_callback(ended.put)
                elif not window.ready:
                    window.end(ended.get().result())
                while not ended.empty():
                    window.end(ended.get().result())
                if window.ready:
                    yield window.take()
        if failure is not None:
            raise failure
    finally:
        # Last: the calls may use what the items hold open.
        close_items(remaining)


def _call_function(function: Callable[[I], R], item: I, index: int) -> Outcome[I, R]:
    try:
        result = function(item)
    except UnichatError as error:
        return Outcome(item=item, index=index, error=error)
    except BaseException as error:
        if not is_cancellation(error):
            raise
        return Outcome(item=item, index=index, error=cancelled_call_error())
    if isawaitable(result):
        if iscoroutine(result):
            result.close()
        raise InvalidInput("function returns an awaitable", hint=_FUNCTION, argument="function")
    return Outcome(item=item, index=index, result=result)
