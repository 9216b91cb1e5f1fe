"""The neutral calls, synchronously: chat, continue, stream, feedback, history, clear, and the vendor's own."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from unichat.adapter import Adapter, CommonSettings, Endpoints, OnUnsupported, Operation, StreamOperation
from unichat.client.adapter_calls import build_context
from unichat.client.arguments import require_thread
from unichat.client.base import BaseClient
from unichat.client.rows import Rows
from unichat.client.streams import AnswerStream
from unichat.execution.sync_performer import SyncPerformer
from unichat.hooks import Hook
from unichat.models import Answer, AnswerRef, ClearResult, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, User
from unichat.transport.base import REAL_TIME, Clock, Transport

T = TypeVar("T")


class Client(BaseClient):
    """One backend. Made by `unichat.connect`; a context manager; safe to share between threads.

    Every call takes `deadline` (seconds for the whole call), `on_unsupported` (`"raise"` or `"drop"`), and the
    backend's own options (`capabilities.options`). Every failure is a `UnichatError`.
    """

    def __init__(
        self,
        backend: str,
        adapter: Adapter,
        transport: Transport,
        *,
        endpoints: Endpoints,
        settings: CommonSettings,
        clock: Clock = REAL_TIME,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self._transport = transport
        self._performer = SyncPerformer(clock)
        context = build_context(backend, adapter, transport, settings, self._performer, clock, hooks)
        super().__init__(backend, adapter, context, endpoints=endpoints, settings=settings)

    def chat(
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
        return self._performer.perform(
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

    def continue_thread(
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
        return self._performer.perform(
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
    ) -> AnswerStream[Answer]:
        """Ask, and stream the answer: `with client.stream(q) as pieces: for event in pieces: …`.

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
        return AnswerStream(lambda: self._performer.perform(start()), self._performer.perform, finish)

    def feedback(
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
        return self._performer.perform(
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
    ) -> Iterator[Exchange]:
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

        def exchanges() -> Generator[Exchange, None, None]:
            while (rows := self._performer.perform(reader.read_page())) is not None:
                yield from rows

        return Rows(exchanges())

    def clear_history(
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
        return self._performer.perform(
            self._clear(thread, user=user, deadline=deadline, on_unsupported=on_unsupported, options=options)
        )

    @overload
    def run(self, operation: Operation[T], *, deadline: float | None = None) -> T: ...
    @overload
    def run(self, operation: StreamOperation[T], *, deadline: float | None = None) -> AnswerStream[T]: ...
    def run(self, operation: Operation[Any] | StreamOperation[Any], *, deadline: float | None = None) -> Any:
        """Run one of the vendor's own operations, with the same retries, deadline and errors as the neutral calls.

        Returns its result, with the vendor's JSON under `.raw` and the record of the call under `.call`. A streamed
        operation returns an `AnswerStream`, whose `.raw` is the list of the vendor's records.

        Raises:
            Unsupported: the operation belongs to another backend.
            UnichatError: everything else.
        """
        start, finish = self._run(operation, deadline)
        if isinstance(operation, Operation):
            return finish(self._performer.perform(start()))
        return AnswerStream(lambda: self._performer.perform(start()), self._performer.perform, finish)

    def close(self) -> None:
        """Close all connections. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        self._performer.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
