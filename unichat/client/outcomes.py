"""The outcomes of many calls at a time: each one's, their progress, and the window of those that are held."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Sized
from concurrent import futures
from inspect import iscoroutinefunction
from typing import Generic, TypeVar, cast

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.client.arguments import check_concurrency
from unichat.errors import InvalidInput, UnichatError

I_co = TypeVar("I_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

_HELD_PER_CALL = 4
"""Items held for each call that may run: enough that one slow call seldom stops the others."""


@frozen(kw_only=True)
class Outcome(Generic[I_co, R_co]):
    """The outcome of one item: the function's result, or the error that its call ended with.

    Attributes:
        item: the item itself.
        index: its index among the items, from 0.
        error: the failure; None if there is a result.
    """

    item: I_co
    index: int
    error: UnichatError | None = None
    _result: R_co | None = field(default=None, alias="result")

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.error is None

    @property
    def result(self) -> R_co:
        """What the function returned.

        Raises:
            UnichatError: the call failed: `error`.
        """
        if self.error is not None:
            raise self.error
        return cast(R_co, self._result)


@frozen(kw_only=True)
class Progress:
    """How far the calls have got.

    Attributes:
        done: calls that ended, with a result or an error.
        failed: those of them that ended with an error.
        total: items in all; None where the items have no length.
    """

    done: int
    failed: int
    total: int | None


OnProgress = Callable[[Progress], object]


class Window(Generic[I, R]):
    """The items that were started and not yielded yet: how many there may be, and which comes next. No I/O."""

    def __init__(
        self, items: Iterable[I] | AsyncIterable[I], concurrency: int, ordered: bool, on_progress: OnProgress | None
    ) -> None:
        self.concurrency = check_concurrency(concurrency)
        self._max_held = self.concurrency * (_HELD_PER_CALL if ordered else 1)
        self._ordered = ordered
        self._on_progress = on_progress
        self._total = _length(items)
        self._started = self._yielded = self._done = self._failed = 0
        # By index, in the order in which they ended.
        self._ended: dict[int, Outcome[I, R]] = {}

    @property
    def running(self) -> int:
        """Calls that were started and have not ended."""
        return self._started - self._done

    @property
    def room(self) -> bool:
        """Whether another item may be started."""
        return self.running < self.concurrency and self._started - self._yielded < self._max_held

    @property
    def ready(self) -> bool:
        """Whether there is an outcome to yield."""
        return self._yielded in self._ended if self._ordered else bool(self._ended)

    def begin(self) -> int:
        """Count one more item as started, and return its index."""
        self._started += 1
        return self._started - 1

    def end(self, outcome: Outcome[I, R]) -> None:
        """Note that a call has ended, and tell the caller's function."""
        self._ended[outcome.index] = outcome
        self._done += 1
        self._failed += not outcome.ok
        if self._on_progress is not None:
            self._on_progress(Progress(done=self._done, failed=self._failed, total=self._total))

    def take(self) -> Outcome[I, R]:
        """Return the next outcome, and forget it."""
        outcome = self._ended.pop(self._yielded if self._ordered else next(iter(self._ended)))
        self._yielded += 1
        return outcome


def _length(items: object) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except Exception:
        # Some classes have a length for some of their objects only. The length is only shown.
        return None


def is_cancellation(error: BaseException) -> bool:
    """Whether it says that a task or a future was cancelled, on asyncio or between threads."""
    # Only now: a program without asyncio need not import it.
    from asyncio import CancelledError

    return isinstance(error, CancelledError | futures.CancelledError)


def cancelled_call_error() -> UnichatError:
    """Return the error of a call that was cancelled, though its consumer was not.

    As itself, asyncio's exception would pass for a cancellation of the consumer, and vanish in a `TaskGroup`.
    """
    return UnichatError(
        "the call was cancelled, but not by the consumer",
        hint="Look for what cancels its task, or something that it waits for.",
    )


def items_failure(error: BaseException) -> Exception:
    """Return what to raise for what the items raised, once the outcomes of those before it have been yielded.

    Raises:
        BaseException: itself, immediately, if it should end the program.
    """
    if isinstance(error, Exception):
        return error
    if not is_cancellation(error):
        raise error
    failure = RuntimeError("the items were cancelled, but not by the consumer")
    failure.__cause__ = error
    return failure


def close_items(iterator: Iterator[object]) -> None:
    """Close a generator. Anything else, such as a file, is its owner's to close."""
    if isinstance(iterator, Generator):
        iterator.close()


def check_items(items: object, kinds: type | tuple[type, ...], hint: str) -> None:
    """Reject anything that is not an iterable of one of the `kinds`, and text: its characters are not the items."""
    if isinstance(items, str | bytes | bytearray) or not isinstance(items, kinds):
        raise InvalidInput(f"items is {format_value(items)}", hint=hint, argument="items", value=format_value(items))


def check_function(argument: str, function: object, hint: str, *, blocking: bool = False) -> None:
    """Reject what cannot be called; with `blocking`, also an `async def`, whose calls would only make coroutines."""
    if not callable(function) or (blocking and iscoroutinefunction(function)):
        raise InvalidInput(
            f"{argument} is {format_value(function)}", hint=hint, argument=argument, value=format_value(function)
        )


def check_progress(on_progress: object) -> None:
    """Reject a callback that cannot be called without awaiting."""
    if on_progress is not None:
        check_function(
            "on_progress", on_progress, Template(PythonOnly("Pass a function that takes a Progress.")), blocking=True
        )
