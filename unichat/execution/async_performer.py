"""Runs programs on asyncio: carries out each effect, and sends its result to the program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from unichat._text.log import log
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import TokenProvider
from unichat.errors import InvalidInput
from unichat.execution.context import closed_client_error, wait_timeout
from unichat.execution.effects import Acquire, Effect, Execute, FetchToken, Open, Program, Read, Send, Sleep, Start
from unichat.execution.task_lock import TaskLock
from unichat.execution.token_provider import ProviderResult, call_provider_async
from unichat.transport.base import Clock, Deadline

T = TypeVar("T")


class AsyncPerformer:
    """Runs the programs of one client within one event loop: that of its first call. The loop's tasks can share it.

    Attributes:
        make_lock: makes the locks that its programs acquire.
        affinity: the event loop.
        clock: what it waits by.
    """

    make_lock: Callable[[], Any] = TaskLock

    def __init__(self, clock: Clock, affinity: LoopAffinity | None = None) -> None:
        self.affinity = affinity or LoopAffinity()
        self._closed = asyncio.Event()
        self.clock = clock
        self._background: set[asyncio.Task[None]] = set()

    async def perform(self, program: Program[T]) -> T:
        """Run a program to its end and return its result."""
        self.affinity.check()
        perform, send = self._perform, program.send
        result: Any = None
        failure: BaseException | None = None
        try:
            effect = next(program)
            while True:
                try:
                    # Not in an async method of its own: each further coroutine costs memory in every call in flight.
                    result = await perform(effect)
                except BaseException as error:
                    failure = error
                else:
                    effect = send(result)
                    continue
                # Outside the handler: what the program raises would otherwise keep this exception as its context.
                try:
                    effect = program.throw(failure)
                finally:
                    failure = None
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            # A traceback with local variables would show it, and a vendor's answer may repeat the key.
            result = None

    def _perform(self, effect: Effect) -> Any:  # noqa: PLR0911 - one for each effect
        match effect:
            case Send():
                return effect.transport.send(effect.request, effect.deadline, limit=effect.limit)
            case Read():
                return effect.reply.read()
            case Open():
                return effect.transport.open(effect.request, effect.deadline, idle_timeout=effect.idle_timeout)
            case Sleep():
                return self._sleep(effect.seconds)
            case Acquire():
                return effect.lock.acquire(effect.deadline.remaining())
            case FetchToken():
                return self._fetch_token(effect.provider, effect.deadline)
            case Start():
                return self._start(effect.program)
            case Execute():
                return _execute(effect)

    async def _sleep(self, seconds: float) -> None:
        if self.clock.sleep is not None:
            waiting = self.clock.sleep(seconds)
            if isinstance(waiting, Awaitable):
                await waiting
            return
        # Closing the client ends a wait immediately.
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return
        raise closed_client_error()

    async def _fetch_token(self, provider: TokenProvider, deadline: Deadline) -> ProviderResult:
        """Call the caller's function in a task of its own: what it does to its task does not concern this one."""
        fetching = asyncio.ensure_future(call_provider_async(provider))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((fetching, closing), timeout=deadline.remaining(), return_when=asyncio.FIRST_COMPLETED)
            if fetching.done():
                return ProviderResult(None, "was cancelled") if fetching.cancelled() else fetching.result()
            self.check_open()
            raise wait_timeout("the token provider", deadline)
        finally:
            fetching.cancel()
            closing.cancel()
            # Awaited, so that no task is left; the other one is the caller's, and may take long.
            await asyncio.gather(closing, return_exceptions=True)

    async def _start(self, program: Program[object]) -> None:
        self.start(program)

    def start(self, program: Program[object]) -> None:
        """Run a program in the background, in a task of its own; within the event loop. What it raises is logged."""

        async def run() -> None:
            try:
                await self.perform(program)
            except Exception:
                log.exception("a program in the background failed")

        task = asyncio.ensure_future(run())
        # The loop itself keeps only a weak reference.
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def finish_background(self, seconds: float | None = None) -> None:
        """Wait for the programs in the background, those included that `call_soon` is about to start.

        Args:
            seconds: how long at most; None for as long as they take.
        """
        await asyncio.sleep(0)
        if self._background:
            await asyncio.wait(tuple(self._background), timeout=seconds)

    def discard(self, reply: Any) -> None:
        """Drop the connection of a forgotten stream, from whichever thread the garbage collector runs in."""
        self.affinity.call_soon(reply.close)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Have a function called in the event loop, from whichever thread."""
        self.affinity.call_soon(function)

    def caller(self) -> object:
        """Return the task that runs."""
        return asyncio.current_task()

    def check_open(self) -> None:
        """Reject anything after `close`."""
        if self._closed.is_set():
            raise closed_client_error()

    def close(self) -> bool:
        """End all waits, and reject later calls; return whether it was open until now.

        Raises:
            InvalidInput: it belongs to another event loop, which has not ended.
        """
        if self._closed.is_set():
            return False
        if not self.affinity.is_closed():
            self.affinity.check()
        self._closed.set()
        return True


async def _execute(effect: Execute) -> Any:
    if not effect.blocks:
        return effect.function()
    running = asyncio.get_running_loop().run_in_executor(None, effect.function)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        # A thread cannot be cancelled; what the program does next must not overtake it.
        await asyncio.wait((running,))
        if not running.cancelled():
            # Retrieved, so that it is not reported as an error that nobody saw.
            running.exception()
        raise


class LoopAffinity:
    """The event loop of the first call: connections and locks belong to it, and would hang or break in another.

    Args:
        parts: those of the clients whose programs run here too, whose loop it therefore is.
    """

    def __init__(self, parts: tuple[LoopAffinity, ...] = ()) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._parts = parts

    def check(self) -> None:
        """Reject any other loop than before."""
        for part in self._parts:
            part.check()
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise InvalidInput(
                "the client belongs to another event loop, in which it was used first",
                hint=Template(
                    PythonOnly("Create a client for each event loop with unichat.connect_async, and close it there.")
                ),
            )

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop; None before the first call."""
        return self._loop

    def is_closed(self) -> bool:
        """Whether the loop has ended, and with it all that ran in it."""
        return self._loop is not None and self._loop.is_closed()

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop, if it is still running."""
        if self._loop is not None and not self.is_closed():
            self._loop.call_soon_threadsafe(function)
