"""Runs programs synchronously: carries out each effect, and sends its result to the program."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from unichat._text.log import log
from unichat.execution.context import closed_client_error
from unichat.execution.effects import Acquire, Effect, Execute, FetchToken, Open, Program, Read, Send, Sleep, Start
from unichat.execution.token_provider import call_provider
from unichat.transport.base import Clock
from unichat.transport.weak_semaphore import WeakSemaphore

T = TypeVar("T")

_this_thread = threading.local()


class SyncPerformer:
    """Runs the programs of one client. Safe to share between threads.

    Attributes:
        make_lock: makes the locks that its programs acquire.
        clock: what it waits by.
    """

    # As a class's attribute, a partial function will be a method in a future Python.
    make_lock: Callable[[], Any] = staticmethod(partial(WeakSemaphore, 1))

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._is_closed = False
        # Not an event: Ctrl-C would leave its lock taken, as that is acquired in Python code.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._sleep = clock.sleep or self._wait

    def perform(self, program: Program[T]) -> T:
        """Run a program to its end and return its result."""
        perform, send = self._perform, program.send
        result: Any = None
        failure: BaseException | None = None
        try:
            effect = next(program)
            while True:
                try:
                    result = perform(effect)
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
                return call_provider(effect.provider)
            case Start():
                return self.start(effect.program)
            case Execute():
                return effect.function()

    def _wait(self, seconds: float) -> None:
        try:
            self._wakes.get(timeout=seconds)
        except queue.Empty:
            return
        # Closing the client ends a wait immediately, and all others.
        self._wakes.put(None)
        raise closed_client_error()

    def start(self, program: Program[object]) -> None:
        """Run a program in the background, in a thread of its own. What it raises is logged."""

        def run() -> None:
            try:
                self.perform(program)
            except Exception:
                log.exception("a program in the background failed")

        threading.Thread(target=run, name="unichat-background", daemon=True).start()

    def discard(self, reply: Any) -> None:
        """Drop the connection of a forgotten stream, in whichever thread the garbage collector runs."""
        reply.close()

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call a function at once: what forgotten streams hold can be released in any thread."""
        function()

    def caller(self) -> object:
        """Return what stands for the thread that runs."""
        # Not its number, which the next thread may get.
        try:
            return _this_thread.identity
        except AttributeError:
            _this_thread.identity = object()
            return _this_thread.identity

    def check_open(self) -> None:
        """Reject anything after `close`."""
        if self._is_closed:
            raise closed_client_error()

    def close(self) -> None:
        """End all waits, and reject later calls."""
        self._is_closed = True
        self._wakes.put(None)
