"""The neutral calls, synchronously: chat, continue, stream, feedback, history, clear, and the vendor's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from unichat.adapter import EventSource, Flow, OnUnsupported, Operation, Paged, StreamOperation
from unichat.client.arguments import attach_record, check_deadline, check_limit, require_thread
from unichat.client.base import BaseClient
from unichat.client.paging import Paging
from unichat.client.streams import AnswerStream, SingleEventStream
from unichat.execution.driver import Driver
from unichat.execution.engine import Call
from unichat.models import Answer, ClearResult, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, User

T = TypeVar("T")


class Client(BaseClient[Driver]):
    """One backend. Made by `unichat.connect`; a context manager; safe to share between threads.

    Every call takes `deadline` (seconds for the whole call), `on_unsupported` (`"raise"` or `"drop"`), and the
    backend's own options (`capabilities.options`). Every failure is a `UnichatError`.
    """

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
        answer: Answer = attach_record(self._driver.complete(self._adapter.chat(checked), call), call)
        return answer

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
        answer: Answer = attach_record(self._driver.complete(self._adapter.chat(checked), call), call)
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
    ) -> AnswerStream[Answer]:
        """Ask, and get the answer in pieces: `with client.stream(q) as pieces: for event in pieces: …`.

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
        flow: Flow[Any] = self._adapter.stream(checked) if self.capabilities.streaming else self._adapter.chat(checked)

        def start() -> EventSource[Answer]:
            nonlocal call
            call = self._driver.engine.call(seconds, asking=True, call=checked)
            answer = self._driver.complete(flow, call)
            return SingleEventStream(answer) if isinstance(answer, Answer) else answer

        return AnswerStream(start, lambda answer: attach_record(answer, call))

    def feedback(
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
        receipt: FeedbackReceipt = attach_record(self._driver.complete(self._adapter.feedback(checked), call), call)
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
    ) -> Iterator[Exchange]:
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

        def exchanges() -> Iterator[Exchange]:
            if most == 0:
                return
            call = self._driver.engine.call(seconds, asking=False, call=checked)
            pages = self._pages(self._driver.complete(flow, call), seconds)
            for number, exchange in enumerate(pages, 1):
                yield exchange
                if number == most:
                    return

        return exchanges()

    def _pages(self, paged: Paged[T], seconds: float | None) -> Iterator[T]:
        paging = Paging(paged, self._settings.page_limit)
        while paging.operation is not None:
            call = self._driver.engine.call(seconds, asking=False)
            yield from paging.rows(self._driver.run(paging.operation, call))

    def clear_history(
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
        result: ClearResult = attach_record(self._driver.complete(self._adapter.clear_history(checked), call), call)
        return result

    @overload
    def run(self, operation: Operation[T], *, deadline: float | None = None) -> T: ...
    @overload
    def run(self, operation: StreamOperation[T], *, deadline: float | None = None) -> AnswerStream[T]: ...
    def run(self, operation: Operation[Any] | StreamOperation[Any], *, deadline: float | None = None) -> Any:
        """Run one of the vendor's own operations, with the same retries, deadline and errors as the neutral calls.

        Returns its result, with the vendor's JSON under `.raw`. A streamed operation gives an `AnswerStream`, whose
        `.raw` is the list of the vendor's records.

        Raises:
            Unsupported: the operation is another backend's.
            UnichatError: everything else.
        """
        asking, seconds = self._own(operation), check_deadline(deadline)
        if isinstance(operation, Operation):
            return self._driver.run(operation, self._driver.engine.call(seconds, asking=asking))
        # The deadline counts from when it is sent.
        begin = self._driver.engine.call
        return AnswerStream(lambda: self._driver.open(operation, begin(seconds, asking=asking)), lambda result: result)

    def close(self) -> None:
        """Close all connections. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
