"""Runs flows and operations on asyncio: the counterpart of `driver`, with the same engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from typing import Any, TypeVar

from unichat._text.templates import PythonOnly, Template
from unichat.adapter import Exclusive, FetchToken, Flow, Operation, PolicySettings, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import InvalidInput, UnichatError
from unichat.execution.engine import Call, Engine, busy, closed
from unichat.execution.live_stream import REFUSAL_LIMIT, LiveStream, not_begun, refused
from unichat.execution.tokens import Given, call_provider_async
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.transport.base import AsyncPieces, AsyncTransport, Deadline, OpenReply, TransportFailure

T = TypeVar("T")


class AsyncDriver:
    """Runs operations over one transport, within one event loop: that of its first call. Its tasks can share it."""

    def __init__(
        self, transport: AsyncTransport, engine: Engine, sleep: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        self.engine = engine
        self._transport = transport
        self._home = _Home()
        self._closed = asyncio.Event()
        self._sleep = sleep or self._wait
        self._holds = _Holds()

    def with_policy(self, policy: PolicySettings) -> AsyncDriver:
        """Return a driver with another policy that shares everything else, the connections included."""
        sibling = copy(self)
        sibling.engine = self.engine.with_policy(policy)
        return sibling

    async def complete(self, flow: Flow[T], call: Call) -> T:
        """Run `flow` to its end and return its result."""
        self._home.check()
        held: AsyncExitStack | None = None
        result: Any = None
        failure: UnichatError | None = None
        try:
            while True:
                try:
                    step = flow.send(result) if failure is None else flow.throw(failure)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                result = failure = None
                if isinstance(step, Exclusive):
                    # Few flows hold anything.
                    held = held or AsyncExitStack()
                    await held.enter_async_context(self._holds.alone_with(step, call.deadline))
                    continue
                if isinstance(step, FetchToken):
                    result = await self._provided(step, call.deadline)
                    continue
                try:
                    # Not by run() and open(): each coroutine on the way is memory that every call in flight takes.
                    send = self._send if isinstance(step, Operation) else self._open
                    result = await self._retried(step, call, send)
                except UnichatError as error:
                    failure = error
        except UnichatError as error:
            raise call.name(error) from None
        finally:
            if held is not None:
                await held.aclose()

    async def run(self, operation: Operation[T], call: Call) -> T:
        """Run one operation and return its result, or raise the error that stands at the end of its attempts."""
        result: T = await self._retried(operation, call, self._send)
        return result

    async def open(self, operation: StreamOperation[T], call: Call) -> AsyncStream[T]:
        """Open a stream, with its first event in hand: until then, and only until then, it may be tried again."""
        stream: AsyncStream[T] = await self._retried(operation, call, self._open)
        return stream

    async def _retried(self, operation: Any, call: Call, attempt: Any) -> Any:
        self._home.check()
        self.check_open()
        attempts = self.engine.begin(operation, call)
        try:
            outcome = await self._admitted(attempt, attempts, call)
            if isinstance(outcome, Failed) and outcome.again:
                outcome = await self._again(outcome, attempt, attempts, call)
        except UnichatError as error:
            # No verdict on the last attempt: the client was closed, or no token was to be had.
            raise self.engine.broke_off(attempts, error) from None
        except BaseException as error:
            self.engine.gave_up(attempts, error)
            raise
        return self.engine.conclude(attempts, call, outcome)

    async def _again(self, failed: Failed, attempt: Any, attempts: Attempts[Any], call: Call) -> Done[Any] | Failed:
        """Have tenacity judge the first attempt's failure, and make the attempts that it allows."""
        # Only now: most calls succeed at once, and tenacity costs more than all else that is done for them.
        from tenacity import AsyncRetrying

        made = [failed]

        async def once() -> Done[Any] | Failed:
            return made.pop() if made else await self._admitted(attempt, attempts, call)

        outcome: Done[Any] | Failed = await AsyncRetrying(sleep=self._sleep, **attempts.tenacity_options())(once)
        return outcome

    async def _wait(self, seconds: float) -> None:
        # Closing the client ends a wait at once.
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return
        raise closed()

    async def _provided(self, step: FetchToken, deadline: Deadline) -> Given:
        """Ask the caller's function, in a task of its own: what it does to its task is no business of this one."""
        asking = asyncio.ensure_future(call_provider_async(step.provider))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((asking, closing), timeout=deadline.remaining(), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return Given(None, "was cancelled") if asking.cancelled() else asking.result()
            self.check_open()
            raise busy("the token provider", deadline)
        finally:
            asking.cancel()
            closing.cancel()
            # Waited for, so that no task is left; the other one is the caller's, and may take its time.
            await asyncio.gather(closing, return_exceptions=True)

    async def _admitted(self, attempt: Any, attempts: Attempts[Any], call: Call) -> Done[Any] | Failed:
        """Make one attempt, if pace and breaker let it through."""
        wait = self.engine.turn(attempts, call)
        if isinstance(wait, Failed):
            return wait
        if wait:
            await self._sleep(wait)
        # Before the clock of the attempt starts: fetching a token is a call of its own.
        self.check_open()
        tokens, signature = self.engine.tokens, None
        if attempts.operation.signed:
            # A call of its own under the same deadline: the record that an answer carries is that of the question.
            signature = tokens.fixed or await self.complete(tokens.signature(), Call(call.deadline))
            self.check_open()
        attempts.signature = signature
        if call.deadline.remaining() <= 0:
            return attempts.broken(TransportFailure("deadline", "before sending", delivered=False))
        refused = self.engine.admit(attempts)
        if refused is not None:
            return refused
        began = call.deadline.elapsed()
        try:
            outcome: Done[Any] | Failed = await attempt(attempts, call, signature)
        except BaseException:
            self.engine.abandon(attempts, began)
            raise
        self.engine.learn(attempts, began, outcome)
        return outcome

    async def _send(self, attempts: Attempts[T], call: Call, signature: Signature | None) -> Done[T] | Failed:
        operation = attempts.operation
        assert isinstance(operation, Operation)
        limit = self.engine.policy.body_limit
        result = await self._transport.send(operation.request, signature, call.deadline, limit=limit)
        return attempts.broken(result) if isinstance(result, TransportFailure) else attempts.judge(result)

    async def _open(
        self, attempts: Attempts[Any], call: Call, signature: Signature | None
    ) -> Done[AsyncStream[Any]] | Failed:
        operation = attempts.operation
        assert isinstance(operation, StreamOperation)
        policy = self.engine.policy
        opened = await self._transport.open(
            operation.request, signature, call.deadline, silence=policy.first_event_timeout
        )
        if isinstance(opened, TransportFailure):
            return attempts.broken(not_begun(opened))
        outcome: Done[AsyncStream[Any]] | Failed
        try:
            if 200 <= opened.status < 300:
                outcome = await AsyncStream(operation, opened, attempts, policy, self._home).first()
            else:
                outcome = await _refusal(opened, attempts)
        except BaseException:
            opened.close()
            raise
        if isinstance(outcome, Failed):
            opened.close()
        return outcome

    def check_open(self) -> None:
        """Refuse anything after `close`."""
        if self._closed.is_set():
            raise closed()

    async def close(self) -> None:
        """Close the connections and end all waits and calls. Closing twice is fine."""
        if not self._closed.is_set():
            if not self._home.is_gone():
                self._home.check()
            self._closed.set()
            await self._transport.close()


async def _refusal(opened: OpenReply[AsyncPieces], attempts: Attempts[Any]) -> Failed:
    """Read the body of an error status and judge it as any other answer."""
    body = bytearray()
    while piece := await opened.pieces.next():
        if isinstance(piece, TransportFailure) or len(body) > REFUSAL_LIMIT or attempts.deadline.remaining() <= 0:
            break
        body += piece
    return refused(opened, bytes(body), attempts)


class AsyncStream(LiveStream[T]):
    """The events of one streamed answer, once each: `ready` gives those that have come, and `more` waits for others."""

    def __init__(
        self,
        operation: StreamOperation[T],
        opened: OpenReply[AsyncPieces],
        attempts: Attempts[T],
        policy: PolicySettings,
        home: _Home,
    ) -> None:
        super().__init__(operation, opened, attempts, policy)
        self._home = home

    def __del__(self) -> None:
        super().__del__()
        # From whichever thread the garbage collector runs in.
        self._home.later(self._opened.close)

    async def first(self) -> Done[AsyncStream[T]] | Failed:
        """Wait for the first event: only a stream that has none yet may be asked for again."""
        try:
            self._decode()
            while (event := next(self._events, None)) is None and self._take(await self._opened.pieces.next()):
                pass
        except Exception as problem:
            return self._not_begun(problem)
        self._begin(event)
        return Done(self)

    def check_home(self) -> None:
        """Refuse another event loop than that of the client."""
        self._home.check()

    def close(self, gave_up: BaseException | None = None) -> None:
        """As for any stream; after the end of its loop nothing is left to give up."""
        if not self._home.is_gone():
            self._home.check()
            super().close(gave_up)

    async def more(self) -> bool:
        """Wait until more has come; False at the end.

        Raises:
            StreamInterrupted: it broke.
        """
        error: UnichatError
        try:
            return self._take(await self._opened.pieces.next())
        except Exception as problem:
            error = self._interrupted(problem)
        # Not within the handler: it would keep what it stands for.
        raise error


class _Home:
    """The event loop of the first call: connections and locks belong to it, and would hang or break in another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """Refuse to run in another loop than before."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise InvalidInput(
                "the client belongs to another event loop, in which it was used first",
                hint=Template(
                    PythonOnly("Make a client for each event loop with unichat.connect_async, and close it there.")
                ),
            )

    def is_gone(self) -> bool:
        """Whether the loop has ended, and with it all that ran in it."""
        return self._loop is not None and self._loop.is_closed()

    def later(self, function: Callable[[], None]) -> None:
        """Have it called in the loop, if that still runs."""
        if self._loop is not None and not self.is_gone():
            self._loop.call_soon_threadsafe(function)


class _Holds:
    """Locks by key, kept only while somebody holds or awaits them."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def alone_with(self, hold: Exclusive, deadline: Deadline) -> AsyncIterator[None]:
        key = hold.key
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        try:
            late = False
            try:
                async with asyncio.timeout(deadline.remaining()):
                    await lock.acquire()
            except TimeoutError:
                late = True
            if late:
                raise busy(hold.waiting_for, deadline)
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, waiting = self._locks.pop(key)
            if waiting > 1:
                self._locks[key] = (lock, waiting - 1)
