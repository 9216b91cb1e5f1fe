"""Takes away the protections of the asyncio client and of its transport, one function each, for `table.py`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from requests.auth import _basic_auth_str
from requests.utils import get_netrc_auth

from unichat.client import async_streams
from unichat.errors import ConnectionFailed, UnichatError
from unichat.execution import async_performer
from unichat.execution.attempt import OperationRun
from unichat.execution.locks import KeyedLock
from unichat.execution.task_lock import TaskLock
from unichat.policy.breaker import Breaker
from unichat.policy.pacing import Pacer
from unichat.policy.retry import Retries
from unichat.transport import tls
from unichat.transport.h11 import connecting, response, transport
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.decompression import ZlibDecompressor
from unichat.transport.h11.pool import ConnectionPool
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress
from unichat.transport.h11.response_reader import ResponseReader

# What other HTTP libraries do by themselves

_Exchange = Callable[..., Awaitable[Any]]


def _replace_exchange(change: Callable[[_Exchange], _Exchange]) -> None:
    transport.H11Transport._exchange = change(transport.H11Transport._exchange)  # type: ignore[method-assign, assignment]


def single_sending() -> None:
    """A connection that drops is a reason to ask again, where the question is a GET."""

    def twice(exchange: _Exchange) -> _Exchange:
        async def wrapper(self: Any, request: Any, *rest: Any) -> Any:
            try:
                return await exchange(self, request, *rest)
            except AttemptFailed:
                if request.method != "GET":
                    raise
                return await exchange(self, request, *rest)

        return wrapper

    _replace_exchange(twice)


def netrc() -> None:
    """The library looks for a login by itself."""

    def with_login(exchange: _Exchange) -> _Exchange:
        async def wrapper(self: Any, request: Any, *rest: Any) -> Any:
            login = get_netrc_auth(self._base_url)
            if login is not None:
                request = evolve(request, headers={**request.headers, "Authorization": _basic_auth_str(*login)})
            return await exchange(self, request, *rest)

        return wrapper

    _replace_exchange(with_login)


def cookies() -> None:
    """Cookies are kept."""
    kept: dict[str, str] = {}

    def keep(exchange: _Exchange) -> _Exchange:
        async def wrapper(self: Any, request: Any, *rest: Any) -> Any:
            answer = await exchange(self, evolve(request, headers={**request.headers, **kept}), *rest)
            if "set-cookie" in answer.headers:
                kept["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
            return answer

        return wrapper

    _replace_exchange(keep)


def redirects() -> None:
    """Redirects are followed."""

    def follow(exchange: _Exchange) -> _Exchange:
        async def wrapper(self: Any, request: Any, *rest: Any) -> Any:
            answer = await exchange(self, request, *rest)
            if answer.status in (301, 302, 303, 307, 308):
                answer.close()
                rest[-1].stopped = ""
                answer = await exchange(self, evolve(request, target=urlsplit(answer.headers["location"]).path), *rest)
            return answer

        return wrapper

    _replace_exchange(follow)


def authorities() -> None:
    """The environment names no authorities."""
    tls.authorities = lambda ca_bundle: ca_bundle


def proxies() -> None:
    """Whatever the environment names is a proxy."""
    transport.check_proxy = lambda proxy, schemes: None


# An attempt


def deadline() -> None:
    """A wait lasts as long as it takes."""
    TaskProgress._set_timer = lambda self, due: None  # type: ignore[method-assign]


def idle_timeout() -> None:
    """A stream may be silent up to its deadline."""
    TaskProgress._next_due = lambda self: self._end  # type: ignore[method-assign]


def body_limit() -> None:
    """An answer may have any size."""
    send = transport.H11Transport.send

    async def send_unlimited(self: Any, request: Any, deadline: Any, *, limit: int) -> Any:
        return await send(self, request, deadline, limit=2**60)

    transport.H11Transport.send = send_unlimited  # type: ignore[method-assign]


def request_progress() -> None:
    """Nobody notes what was sent."""
    TaskProgress.delivered = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]


def handshakes() -> None:
    """A handshake passes for a part of connecting."""
    slot: Any = TaskProgress.phase

    def note(self: Any, phase: str) -> None:
        slot.__set__(self, "connecting" if phase == "handshake" else phase)

    TaskProgress.phase = property(slot.__get__, note)  # type: ignore[assignment]


def heads() -> None:
    """Any head will do that h11 takes."""
    response._validate_headers = lambda head: {name.decode(): value.decode() for name, value in head.headers}


def compressed_ends() -> None:
    """A compressed body may end anywhere."""
    ZlibDecompressor.finish = lambda self: None  # type: ignore[method-assign]


def ends() -> None:
    """A task that waits for the rest of a body does not hear that its connection has ended."""
    Connection._end = lambda self, error: None  # type: ignore[method-assign]


def clean_errors() -> None:
    """An error is raised where the library's is caught, and so holds it, and the request with the key."""

    def raise_error(error: Exception) -> str:
        raise ConnectionFailed("not trusted", kind="certificate", hint="Check it.", maybe_delivered=False)

    connecting._kind = raise_error


def client_close() -> None:
    """A client that is closed lets its calls run on."""
    stop = TaskProgress.stop
    TaskProgress.stop = (  # type: ignore[method-assign]
        lambda self, reason: None if reason == "cancelled" else stop(self, reason)
    )


# A connection's next exchange


def while_idle() -> None:
    """What comes on an idle connection is passed over."""
    Connection._useless = lambda self: None  # type: ignore[method-assign]


def pending_input() -> None:
    """A kept connection is used with whatever the loop has not looked at yet."""
    Connection.is_silent = lambda self: True  # type: ignore[method-assign]


def surplus() -> None:
    """What follows an answer is left on its connection."""
    ResponseReader.keeps_connection = property(lambda self: self.complete)  # type: ignore[assignment]


def connections_after_204() -> None:
    """A connection is kept after a 204, behind which a body may follow."""
    response._WITHOUT_BODY = ()


def unread_requests() -> None:
    """A connection is kept though the rest of a request may still be to be read."""
    init = response.HttpResponse.__init__

    def wrapper(self: Any, *given: Any) -> None:
        init(self, *given[:-1], 0)

    response.HttpResponse.__init__ = wrapper  # type: ignore[method-assign]
    Connection.finish = lambda self: self.complete  # type: ignore[method-assign]


def idle_connections() -> None:
    """A connection is kept for long."""
    ConnectionPool._sweep_at = lambda self, when: None  # type: ignore[method-assign]

    def pop(self: Any) -> Any:
        return self._idle.pop() if self._idle else None

    ConnectionPool._pop_idle = pop  # type: ignore[method-assign]


def slots() -> None:
    """A slot that was handed to a cancelled task is lost."""

    async def wait(self: Any, progress: Any) -> None:
        progress.phase = "queued"
        handed_over = progress.wait()
        self._queue.append(handed_over)
        if not await handed_over:
            raise AttemptStopped

    ConnectionPool._wait_for_slot = wait  # type: ignore[method-assign]


# The performer, and what runs the same on both


def locks() -> None:
    """Calls in one conversation overlap."""

    class Free:
        def release(self) -> None:
            pass

    async def at_once(self: TaskLock, timeout: float) -> Free:
        return Free()

    TaskLock.acquire = at_once  # type: ignore[method-assign]


def loop_affinity() -> None:
    """A client runs in any loop."""
    async_performer.LoopAffinity.check = lambda self: None  # type: ignore[method-assign]


def refunds() -> None:
    """A retry that is cancelled before it is made has been paid for."""
    Retries.refund = lambda self: None  # type: ignore[method-assign]


def probes() -> None:
    """A probe that is cancelled stays the only one."""
    Breaker.abandon = lambda self, generation: None  # type: ignore[method-assign]


def paces() -> None:
    """A reservation of the pace that nobody waits for any longer is lost."""
    Pacer.release = lambda self, reservation: None  # type: ignore[method-assign]


def endings() -> None:
    """Observers are not told of calls that were given up."""
    notify = OperationRun._notify_end

    def partial(self: Any, error: Any, record: Any = None) -> None:
        if error is None or isinstance(error, UnichatError):
            notify(self, error, record)

    OperationRun._notify_end = partial  # type: ignore[method-assign]


def lock_releases() -> None:
    """A task that is cancelled keeps the lock."""
    leave = KeyedLock.leave

    def keep(self: Any) -> None:
        if sys.exception() is None:
            leave(self)
        elif not self.lock.lock.locked():
            asyncio.ensure_future(self.lock.lock.acquire())  # noqa: RUF006 - it is not to be had at once

    KeyedLock.leave = keep  # type: ignore[method-assign]


def streams() -> None:
    """A stream whose consumer was cancelled goes on to its end."""
    async_streams.AsyncAnswerStream._give_up = lambda self, interrupted_by=None: None  # type: ignore[method-assign]
