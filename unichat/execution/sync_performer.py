"""Runs programs synchronously: carries out each effect, and sends its result to the program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from unichat._text.log import log
from unichat.execution.context import closed_client
from unichat.execution.effects import Acquire, Effect, FetchToken, Open, Program, Read, Send, Sleep, Start
from unichat.execution.token_provider import call_provider
from unichat.transport.base import Clock, Deadline

T = TypeVar("T")

_this_thread = threading.local()


class SyncPerformer:
    """Runs the programs of one client. Safe to share between threads.

    Attributes:
        make_lock: makes the locks that its programs acquire.
    """

    make_lock: Callable[[], Any] = staticmethod(threading.Lock)

    def __init__(self, clock: Clock) -> None:
        self._closed = threading.Event()
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
                return acquire(effect.lock, effect.deadline)
            case FetchToken():
                return call_provider(effect.provider)
            case Start():
                return self._start(effect.program)

    def _wait(self, seconds: float) -> None:
        # Closing the client ends a wait immediately.
        if self._closed.wait(seconds):
            raise closed_client()

    def _start(self, program: Program[object]) -> None:
        def run() -> None:
            try:
                self.perform(program)
            except Exception:
                log.exception("a program in the background failed")

        threading.Thread(target=run, name="unichat-background", daemon=True).start()

    def discard(self, reply: Any) -> None:
        """Do nothing: a forgotten stream's body drops its connection itself."""

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call a function at once: what forgotten streams hold can be let go in any thread."""
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
        if self._closed.is_set():
            raise closed_client()

    def close(self) -> None:
        """End all waits, and reject later calls."""
        self._closed.set()


def acquire(lock: threading.Lock, deadline: Deadline) -> bool:
    """Take a lock; return whether that was possible within the deadline."""
    return lock.acquire(timeout=deadline.remaining())
