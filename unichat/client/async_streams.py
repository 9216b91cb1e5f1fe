"""Streamed answers on asyncio: the counterpart of `streams`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from unichat.adapter import EventSource
from unichat.client.streams import SingleConsumerStream
from unichat.execution.async_performer import LoopAffinity
from unichat.models import StreamEvent

T = TypeVar("T")


class AsyncAnswerStream(SingleConsumerStream[T]):
    """A streamed answer: an async context manager that yields each `StreamEvent` once, and then has `await .answer()`.

    The question is sent when the block is entered, or with the first event. Leaving the block early drops the
    connection; the vendor may still count the question as asked.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[EventSource[T]]],
        perform: Callable[[Any], Awaitable[Any]],
        finish: Callable[[T], T],
        affinity: LoopAffinity,
    ) -> None:
        super().__init__(finish)
        self._start = start
        self._perform = perform
        self._affinity = affinity

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(error)

    async def _open(self) -> EventSource[T]:
        return self._get_source() or self._set_source(await self._start())

    def _give_up(self, interrupted_by: BaseException | None = None) -> None:
        if self._source is not None:
            if self._affinity.is_closed():
                # After the end of its loop there is nothing left to close.
                self._closed, self._live = True, None
                return
            # Before anything is closed: in its own event loop it can still be read.
            self._affinity.check()
        super()._give_up(interrupted_by)

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        if self._ended:
            raise StopAsyncIteration
        if self._live is not None:
            # Before anything is noted: in its own event loop it can still be read.
            self._affinity.check()
        self._begin_reading()
        try:
            source = self._live or await self._open()
            while (event := source.ready()) is None and await self._perform(source.more()):
                pass
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._reading = False
        if event is None:
            self._end()
            raise StopAsyncIteration
        return event

    async def _drain(self) -> None:
        async for _ in self:
            pass

    async def answer(self) -> T:
        """Return the whole answer; reads what has not arrived yet.

        Raises:
            InvalidInput: the block was left before the end.
            StreamInterrupted: it breaks before the end.
        """
        await self._drain()
        return self._result()

    async def raw(self) -> list[Any]:
        """Return the vendor's records, all of them; reads what has not arrived yet. Raises as `answer` does."""
        await self._drain()
        return self._records()

    async def close(self) -> None:
        """Drop the connection. Closing twice is fine."""
        self._give_up()
