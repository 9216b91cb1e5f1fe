"""The neutral calls, synchronously: chat, continue, stream, feedback, history, clear, and the vendor's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from attrs import asdict, evolve, fields

from unichat.adapter import Adapter, Capabilities, OnUnsupported
from unichat.calls import Checks, check_deadline, check_limit, with_call
from unichat.driver import Driver
from unichat.engine import Call
from unichat.errors import InvalidInput, InvalidResponse, Unsupported
from unichat.models import (
    Answer,
    ClearOutcome,
    ClearResult,
    Comment,
    Exchange,
    FeedbackReceipt,
    Rating,
    ThreadRef,
    User,
)
from unichat.operation import Endpoints, EventSource, Flow, Operation, Page, Paged, StreamOperation
from unichat.settings import CommonSettings, PolicySettings
from unichat.streams import AnswerStream, WholeAnswer

T = TypeVar("T")

_SHARED = frozenset({"connect_timeout", "retry_budget", "breaker_failures", "breaker_reset", "rate"})
"""Policy settings of what a client and its siblings share."""


class Client:
    """One backend. Made by `unichat.connect`; a context manager; safe to share between threads.

    Every call takes `deadline` (seconds for the whole call), `on_unsupported` (`"raise"` or `"drop"`), and the
    backend's own options (`capabilities.options`). Every failure is a `UnichatError`.
    """

    def __init__(
        self,
        backend: str,
        adapter: Adapter,
        driver: Driver,
        *,
        endpoints: Endpoints,
        settings: CommonSettings,
    ) -> None:
        self.backend = backend
        self._adapter = adapter
        self._driver = driver
        self._endpoints = endpoints
        self._settings = settings
        self._checks = Checks(backend, adapter.capabilities, settings.on_unsupported, settings.replay)
        known = {name: value for name, value in asdict(settings, recurse=False).items() if value is not None}
        self.operations = BoundOperations(endpoints, known)

    def with_policy(self, **changes: Any) -> Client:
        """Return a client with other policy settings, such as `attempts=1`, that shares all else with this one.

        Connections, token, retry budget, breaker and pace are shared; closing either client closes both. So
        `client.with_policy(replay="always").chat(…)` sets anything for one call.

        Raises:
            ConfigError: the value is not acceptable.
            InvalidInput: there is no such policy setting, or it can be set for a whole client only.
        """
        names = {item.name for item in fields(PolicySettings)} - _SHARED
        for name in changes.keys() - names:
            nearest = get_close_matches(name, names, n=1)
            raise InvalidInput(
                f"{name} cannot be set so",
                argument=name,
                hint=f"Did you mean {nearest[0]}?" if nearest else f"These can: {', '.join(sorted(names))}.",
            )
        settings = evolve(self._settings, **changes)
        return Client(
            self.backend,
            self._adapter,
            self._driver.with_policy(settings),
            endpoints=self._endpoints,
            settings=settings,
        )

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do, known before anything is sent."""
        return self._adapter.capabilities

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
        call = self._driver.engine.call(check_deadline(deadline), asking=True)
        answer: Answer = with_call(self._driver.complete(self._adapter.chat(checked), call), call)
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
            thread=_needed(thread),
            user=user,
            metadata=metadata,
            on_unsupported=on_unsupported,
            options=options,
        )
        call = self._driver.engine.call(check_deadline(deadline), asking=True)
        answer: Answer = with_call(self._driver.complete(self._adapter.chat(checked), call), call)
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
            call = self._driver.engine.call(seconds, asking=True)
            answer = self._driver.complete(flow, call)
            return WholeAnswer(answer) if isinstance(answer, Answer) else answer

        return AnswerStream(start, lambda answer: with_call(answer, call))

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
        call = self._driver.engine.call(check_deadline(deadline), asking=False)
        receipt: FeedbackReceipt = with_call(self._driver.complete(self._adapter.feedback(checked), call), call)
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
            UnichatError: while iterating; what was given before stays good.
        """
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
            call = self._driver.engine.call(seconds, asking=False)
            pages = self._pages(self._driver.complete(flow, call), seconds)
            for number, exchange in enumerate(pages, 1):
                yield exchange
                if number == most:
                    return

        return exchanges()

    def _pages(self, paged: Paged[T], seconds: float | None) -> Iterator[T]:
        operation: Operation[Page[T]] | None = paged.first
        before: set[object] = set()
        limit = self._settings.page_limit
        for _ in range(limit):
            if operation is None:
                return
            page = self._driver.run(operation, self._driver.engine.call(seconds, asking=False))
            keys = [paged.key(item) for item in page.items]
            fresh = [item for item, key in zip(page.items, keys, strict=True) if key is None or key not in before]
            yield from filter(paged.keep, fresh)
            # A page with nothing but the last page's rows: the vendor ignores the page number, and would for ever.
            operation = page.next if fresh else None
            before = set(keys)
        raise InvalidResponse(
            f"the history did not end after {limit:,} pages", hint="Pass limit=, or a larger page_size."
        )

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
        checked = self._checks.clear_history(thread, user=user, on_unsupported=on_unsupported, options=options)
        if not self.capabilities.clear_history:
            checked.cannot(
                "clear_history",
                f"{self.backend} has no call that clears a conversation",
                "Start a new one with chat().",
            )
            return ClearResult(outcome=ClearOutcome.DETACHED, user=checked.user.id if checked.user else None)
        call = self._driver.engine.call(check_deadline(deadline), asking=False)
        result: ClearResult = with_call(self._driver.complete(self._adapter.clear_history(checked), call), call)
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
            ThreadMismatch: the operation is another backend's.
            UnichatError: everything else.
        """
        if not isinstance(operation, Operation | StreamOperation):
            raise InvalidInput(
                f"{type(operation).__name__} is no operation", argument="operation", hint="Use client.operations."
            )
        if operation.backend != self.backend:
            raise Unsupported(
                f"{operation.name} is an operation of {operation.backend}, and this client talks to {self.backend}",
                backend=self.backend,
                operation=operation.name,
                argument="operation",
                hint="Build it with client.operations.",
            )
        seconds = check_deadline(deadline)
        call = self._driver.engine.call(seconds, asking=operation.replay.value == "ask")
        if isinstance(operation, Operation):
            return self._driver.run(operation, call)
        return AnswerStream(lambda: self._driver.open(operation, call), lambda result: result)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Harmless operations that together show whether address, credential and ids are right."""
        return self._adapter.probes()

    def close(self) -> None:
        """Close all connections. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<unichat client of {self.backend}>"


def _needed(thread: object) -> object:
    if isinstance(thread, Answer | Exchange):
        thread = thread.thread
    if thread is None:
        raise InvalidInput("no thread to continue", argument="thread", hint="Pass answer.thread, or use chat().")
    return thread


class BoundOperations:
    """The vendor's endpoints, with the ids that the client's settings know filled in.

    `client.operations.chat(query="…")` is `unichat_kapa.operations.chat(project_id=…, query="…")`.
    """

    def __init__(self, endpoints: Endpoints, known: Mapping[str, Any]) -> None:
        self._endpoints = endpoints
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._endpoints.names():
            raise AttributeError(f"{self._endpoints.backend} has no operation {name!r}: {', '.join(self)}")
        endpoint = self._endpoints[name]
        filled = {parameter: self._known[key] for parameter, key in endpoint.known.items() if key in self._known}

        def build(**arguments: Any) -> Any:
            return endpoint.function(**{**filled, **arguments})

        build.__name__ = build.__qualname__ = name
        build.__doc__ = endpoint.function.__doc__
        return build

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints.names())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]
