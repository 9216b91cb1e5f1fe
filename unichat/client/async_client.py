"""The neutral calls on asyncio: chat, continue, stream, feedback, history, clear, and the vendor's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unichat.adapter import EventSource, Flow, OnUnsupported, Operation, Paged, StreamOperation
from unichat.client.arguments import attach_record, check_deadline, check_limit, require_thread
from unichat.client.base import BaseClient
from unichat.client.paging import Paging
from unichat.client.streams import SingleConsumerStream, SingleEventStream
from unichat.execution.async_driver import AsyncDriver, AsyncStream
from unichat.execution.engine import Call
from unichat.models import Answer, ClearResult, Comment, Exchange, FeedbackReceipt, Rating, StreamEvent, ThreadRef, User

T = TypeVar("T")


class AsyncClient(BaseClient[AsyncDriver]):
    """One backend. Made by `unichat.connect_async`; an async context manager; for the tasks of one event loop.

    Every call takes `deadline` (seconds for the whole call), `on_unsupported` (`"raise"` or `"drop"`), and the
    backend's own options (`capabilities.options`). Every failure is a `UnichatError`.
    """

    async def chat(
        self,
        question: str,
        *,
        user: str | User | None = None,
        metadata: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> Answer:
        """Ask in a fresh thread; `answer.thread` is where to go on.

        Args:
            question: text that is not blank; `capabilities.question_limit` has the vendor's limit.
            user: who asks: the bot's own id for the person, or a `User`.
            metadata: JSON about the question, such as the page that it came from.

        Raises:
            InvalidInput, Unsupported: before anything is sent.
            UnichatError: everything else that can go wrong; see `unichat.errors`.
        """
        checked = self._checks.chat(
            "chat", question, user=user, metadata=metadata, on_unsupported=on_unsupported, options=options
        )
        call = self._driver.engine.call(check_deadline(deadline), asking=True, call=checked)
        answer: Answer = attach_record(await self._driver.complete(self._adapter.chat(checked), call), call)
        return answer

    async def continue_thread(
        self,
        thread: ThreadRef | Answer | Exchange | str,
        question: str,
        *,
        user: str | User | None = None,
        metadata: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> Answer:
        """Ask in `thread`: a reference, its text form, or an answer or exchange of that thread.

        Raises:
            ThreadMismatch: the thread belongs to another backend or bot.
            StaleThread: a newer thread took its place, on a backend that keeps one at a time.
            UnichatError: as `chat`.
        """
        checked = self._checks.chat(
            "continue_thread",
            question,
            thread=require_thread(thread),
            user=user,
            metadata=metadata,
            on_unsupported=on_unsupported,
            options=options,
        )
        call = self._driver.engine.call(check_deadline(deadline), asking=True, call=checked)
        answer: Answer = attach_record(await self._driver.complete(self._adapter.chat(checked), call), call)
        return answer

    def stream(
        self,
        question: str,
        *,
        thread: ThreadRef | Answer | Exchange | str | None = None,
        user: str | User | None = None,
        metadata: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> AsyncAnswerStream[Answer]:
        """Ask, and get the answer in pieces: `async with client.stream(q) as pieces: async for event in pieces: …`.

        Nothing is sent before the block is entered. On a backend without streaming the whole answer comes as one event.

        Raises:
            StreamInterrupted: it broke after the first event; `.text` has what came.
            UnichatError: as `continue_thread`.
        """
        checked = self._checks.chat(
            "stream",
            question,
            thread=thread,
            user=user,
            metadata=metadata,
            on_unsupported=on_unsupported,
            options=options,
        )
        seconds = check_deadline(deadline)

        call: Call | None = None
        flow: Flow[EventSource[Answer] | Answer] = (
            self._adapter.stream(checked) if self.capabilities.streaming else self._adapter.chat(checked)
        )

        async def start() -> AsyncStream[Answer] | SingleEventStream:
            nonlocal call
            call = self._driver.engine.call(seconds, asking=True, call=checked)
            answer: Any = await self._driver.complete(flow, call)
            return SingleEventStream(answer) if isinstance(answer, Answer) else answer

        return AsyncAnswerStream(start, lambda answer: attach_record(answer, call))

    async def feedback(
        self,
        answer: Answer | Exchange | str | int,
        rating: Rating | str,
        *,
        user: str | User | None = None,
        comment: str | Comment | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> FeedbackReceipt:
        """Rate an answer: the `Answer`, an `Exchange` of the history, or the answer's id.

        Args:
            rating: `Rating.UP` or `Rating.DOWN`, or `"up"` or `"down"`.
            user: who rates. Needed where `capabilities.feedback_needs_user`.
            comment: words, or a `Comment` with flags.

        Raises:
            InvalidInput, Unsupported, ConfigError: before anything is sent.
            NotFound: the vendor does not know the answer.
            UnichatError: everything else.
        """
        checked = self._checks.feedback(
            answer, rating, user=user, comment=comment, on_unsupported=on_unsupported, options=options
        )
        call = self._driver.engine.call(check_deadline(deadline), asking=False, call=checked)
        receipt: FeedbackReceipt = attach_record(
            await self._driver.complete(self._adapter.feedback(checked), call), call
        )
        return receipt

    def history(
        self,
        thread: ThreadRef | Answer | Exchange | str | None = None,
        *,
        user: str | User | None = None,
        newest_first: bool = False,
        page_size: int | None = None,
        limit: int | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> AsyncIterator[Exchange]:
        """Iterate over past exchanges, oldest first: of one thread, of one user, or of the whole project or bot.

        Lazy: arguments are checked at once, the first page is fetched with the first item, and one page is in memory.
        `deadline` counts for each page. Iterating again needs a new call.

        Args:
            page_size: exchanges per request, from 1; None leaves it to the adapter.
            limit: exchanges in all; None for all of them.

        Raises:
            InvalidInput, Unsupported: at once.
            UnichatError: while iterating; what was given before stays good. The iterator has then ended: to go on, call
                again, and pass over what was given.
        """
        self._driver.check_open()
        checked = self._checks.history(
            thread,
            user=user,
            newest_first=newest_first,
            page_size=page_size,
            on_unsupported=on_unsupported,
            options=options,
        )
        most = check_limit(limit)
        seconds = check_deadline(deadline)
        flow = self._adapter.history(checked)

        async def exchanges() -> AsyncIterator[Exchange]:
            if most == 0:
                return
            call = self._driver.engine.call(seconds, asking=False, call=checked)
            pages = self._pages(await self._driver.complete(flow, call), seconds)
            given = 0
            async for exchange in pages:
                yield exchange
                given += 1
                if given == most:
                    return

        return exchanges()

    async def _pages(self, paged: Paged[T], seconds: float | None) -> AsyncIterator[T]:
        paging = Paging(paged, self._settings.page_limit)
        while paging.operation is not None:
            call = self._driver.engine.call(seconds, asking=False)
            for row in paging.rows(await self._driver.run(paging.operation, call)):
                yield row

    async def clear_history(
        self,
        thread: ThreadRef | Answer | Exchange | str | None = None,
        *,
        user: str | User | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> ClearResult:
        """Clear a conversation: a thread's, a user's, or that of the key's owner.

        With `on_unsupported="drop"`, a backend that cannot clear gives `ClearOutcome.DETACHED`: nothing was removed,
        and the next `chat` starts a fresh thread.

        Raises:
            Unsupported: the backend cannot clear (`capabilities.clear_history`).
            NotFound: the vendor knows no such conversation.
            UnichatError: everything else.
        """
        self._driver.check_open()
        checked = self._checks.clear_history(thread, user=user, on_unsupported=on_unsupported, options=options)
        if (detached := self._detached(checked)) is not None:
            return detached
        call = self._driver.engine.call(check_deadline(deadline), asking=False, call=checked)
        result: ClearResult = attach_record(
            await self._driver.complete(self._adapter.clear_history(checked), call), call
        )
        return result

    async def run(self, operation: Operation[T], *, deadline: float | None = None) -> T:
        """Run one of the vendor's own operations, with the same retries, deadline and errors as the neutral calls.

        Returns its result, with the vendor's JSON under `.raw`. A streamed operation goes to `run_stream`.

        Raises:
            Unsupported: the operation is another backend's.
            UnichatError: everything else.
        """
        call = self._driver.engine.call(check_deadline(deadline), asking=self._own(operation))
        return await self._driver.run(operation, call)

    def run_stream(self, operation: StreamOperation[T], *, deadline: float | None = None) -> AsyncAnswerStream[T]:
        """Run one of the vendor's own streamed operations: as `stream`, and `.raw()` gives the vendor's records."""
        asking, seconds = self._own(operation), check_deadline(deadline)

        async def start() -> AsyncStream[T]:
            # The deadline counts from when it is sent.
            return await self._driver.open(operation, self._driver.engine.call(seconds, asking=asking))

        return AsyncAnswerStream(start, lambda result: result)

    async def close(self) -> None:
        """Close all connections. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class AsyncAnswerStream(SingleConsumerStream["AsyncStream[Any] | SingleEventStream"], Generic[T]):
    """An answer in pieces: an async context manager that gives each `StreamEvent` once, and then `await .answer()`.

    The question is sent when the block is entered, or with the first event. Leaving the block early gives the
    connection up; the vendor may still count the question as asked.
    """

    def __init__(
        self, start: Callable[[], Awaitable[AsyncStream[T] | SingleEventStream]], finish: Callable[[Any], T]
    ) -> None:
        super().__init__()
        self._start = start
        self._finish = finish

    async def __aenter__(self) -> Self:
        await self._running()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left(error)

    async def _running(self) -> AsyncStream[Any] | SingleEventStream:
        return self._known() or self._opened(await self._start())

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        if self._ended:
            raise StopAsyncIteration
        if self._live is not None:
            # Before anything is noted: in its own event loop it can be read on.
            self._live.check_home()
        self._begin_reading()
        try:
            source = self._live or await self._running()
            while (event := source.ready()) is None and await source.more():
                pass
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self._reading = False
        if event is None:
            self._ended = True
            self._give_up()
            raise StopAsyncIteration
        return event

    async def _drained(self) -> AsyncStream[Any] | SingleEventStream:
        async for _ in self:
            pass
        assert self._source is not None
        return self._source

    async def answer(self) -> T:
        """Return the whole answer; reads what has not come yet.

        Raises:
            InvalidInput: the block was left before the end.
            StreamInterrupted: it breaks on the way.
        """
        return self._finish((await self._drained()).result())

    async def raw(self) -> list[Any]:
        """Return the vendor's records, all of them; reads what has not come yet. Raises as `answer` does."""
        return (await self._drained()).records

    async def close(self) -> None:
        """Give the connection up. Closing twice is fine."""
        self._give_up()
