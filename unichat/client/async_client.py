"""The neutral calls on asyncio: chat, continue, stream, feedback, history, clear, and the vendor's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from unichat.adapter import Adapter, CommonSettings, Endpoints, OnUnsupported, Operation, StreamOperation
from unichat.client.adapter_calls import build_context
from unichat.client.arguments import require_thread
from unichat.client.async_streams import AsyncAnswerStream
from unichat.client.base import BaseClient
from unichat.client.rows import AsyncRows
from unichat.execution.async_performer import AsyncPerformer
from unichat.hooks import Hook
from unichat.models import Answer, AnswerRef, ClearResult, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, User
from unichat.transport.base import REAL_TIME, AsyncTransport, Clock

T = TypeVar("T")


class AsyncClient(BaseClient):
    """One backend. Made by `unichat.connect_async`; an async context manager; for the tasks of one event loop.

    Every call takes `deadline` (seconds for the whole call), `on_unsupported` (`"raise"` or `"drop"`), and the
    backend's own options (`capabilities.options`). Every failure is a `UnichatError`.
    """

    def __init__(
        self,
        backend: str,
        adapter: Adapter,
        transport: AsyncTransport,
        *,
        endpoints: Endpoints,
        settings: CommonSettings,
        clock: Clock = REAL_TIME,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self._transport = transport
        self._performer = AsyncPerformer(clock)
        context = build_context(backend, adapter, transport, settings, self._performer, clock, hooks)
        super().__init__(backend, adapter, context, endpoints=endpoints, settings=settings)

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
        """Ask in a new thread; `answer.thread` continues it.

        Args:
            question: text that is not blank; `capabilities.question_limit` has the vendor's limit.
            user: who asks: the bot's own id for the person, or a `User`. Needed where `capabilities.needs_user`.
            metadata: JSON about the question, such as the page that it came from.

        Raises:
            InvalidInput, Unsupported: before anything is sent.
            UnichatError: everything else that can go wrong; see `unichat.errors`.
        """
        return await self._performer.perform(
            self._ask(
                "chat",
                question,
                user=user,
                metadata=metadata,
                deadline=deadline,
                on_unsupported=on_unsupported,
                options=options,
            )
        )

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
            StaleThread: a newer thread replaced it, on a backend that keeps only one per user.
            UnichatError: as `chat`.
        """
        return await self._performer.perform(
            self._ask(
                "continue_thread",
                question,
                thread=require_thread(thread),
                user=user,
                metadata=metadata,
                deadline=deadline,
                on_unsupported=on_unsupported,
                options=options,
            )
        )

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
        """Ask, and stream the answer: `async with client.stream(q) as pieces: async for event in pieces: …`.

        Nothing is sent before the block is entered. Without streaming, the whole answer arrives as one event.

        Raises:
            StreamInterrupted: it broke after the first event; `.text` has what was received.
            UnichatError: as `continue_thread`.
        """
        start, finish = self._open_stream(
            question,
            thread=thread,
            user=user,
            metadata=metadata,
            deadline=deadline,
            on_unsupported=on_unsupported,
            options=options,
        )
        return AsyncAnswerStream(
            lambda: self._performer.perform(start()), self._performer.perform, finish, self._performer.affinity
        )

    async def feedback(
        self,
        answer: Answer | Exchange | AnswerRef | str | int,
        rating: Rating | str,
        *,
        user: str | User | None = None,
        comment: str | Comment | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> FeedbackReceipt:
        """Rate an answer: the `Answer`, an `Exchange` of the history, a reference or its text form, or the id.

        Args:
            rating: `Rating.UP` or `Rating.DOWN`, or `"up"` or `"down"`.
            user: who rates. Needed where `capabilities.feedback_needs_user`.
            on_unsupported: with `"drop"`, a backend that takes no ratings returns a receipt that was not `sent`.
            comment: text, or a `Comment` with flags.

        Raises:
            InvalidInput, Unsupported, ConfigError: before anything is sent.
            NotFound: the vendor does not know the answer.
            UnichatError: everything else.
        """
        return await self._performer.perform(
            self._rate(
                answer,
                rating,
                user=user,
                comment=comment,
                deadline=deadline,
                on_unsupported=on_unsupported,
                options=options,
            )
        )

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
            on_unsupported: with `"drop"`, the history is empty where the backend has none, or not that of the `thread`
                or `user`: never somebody else's.
            limit: exchanges in all; None for all of them.

        Raises:
            InvalidInput, Unsupported: at once.
            UnichatError: while iterating; what was yielded before stays valid. The iterator has then ended: to
                continue, call again, and skip what was yielded.
        """
        reader = self._read_history(
            thread,
            user=user,
            newest_first=newest_first,
            page_size=page_size,
            limit=limit,
            deadline=deadline,
            on_unsupported=on_unsupported,
            options=options,
        )

        async def exchanges() -> AsyncGenerator[Exchange, None]:
            while (rows := await self._performer.perform(reader.read_page())) is not None:
                for exchange in rows:
                    yield exchange

        return AsyncRows(exchanges())

    async def clear_history(
        self,
        thread: ThreadRef | Answer | Exchange | str | None = None,
        *,
        user: str | User | None = None,
        deadline: float | None = None,
        on_unsupported: OnUnsupported | None = None,
        **options: Any,
    ) -> ClearResult:
        """Clear a conversation: a thread's, a user's, or, without both, that of questions asked without a user.

        Never all conversations: where the backend has none without a user, or clears threads only, it is an error to
        name neither. With `on_unsupported="drop"`, a backend that cannot clear what was named returns
        `ClearOutcome.DETACHED`: nothing was removed, and the next `chat` starts a fresh thread.

        Raises:
            InvalidInput: neither `thread` nor `user` was given, and the backend needs one.
            Unsupported: the backend cannot clear (`capabilities.clear_history`), or not what was named.
            NotFound: the vendor has no such conversation.
            UnichatError: everything else.
        """
        return await self._performer.perform(
            self._clear(thread, user=user, deadline=deadline, on_unsupported=on_unsupported, options=options)
        )

    async def run(self, operation: Operation[T], *, deadline: float | None = None) -> T:
        """Run one of the vendor's own operations, with the same retries, deadline and errors as the neutral calls.

        Returns its result, with the vendor's JSON under `.raw` and the record of the call under `.call`. A streamed
        operation goes to `run_stream`.

        Raises:
            Unsupported: the operation belongs to another backend.
            UnichatError: everything else.
        """
        start, finish = self._run(operation, deadline)
        result: T = finish(await self._performer.perform(start()))
        return result

    def run_stream(self, operation: StreamOperation[T], *, deadline: float | None = None) -> AsyncAnswerStream[T]:
        """Run one of the vendor's own streamed operations: as `stream`, and `.raw()` returns the vendor's records."""
        start, finish = self._run(operation, deadline)
        return AsyncAnswerStream(
            lambda: self._performer.perform(start()), self._performer.perform, finish, self._performer.affinity
        )

    async def close(self) -> None:
        """Close all connections. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        if self._performer.close():
            await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
