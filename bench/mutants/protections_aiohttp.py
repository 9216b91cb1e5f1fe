"""Takes away the protections of the asyncio driver, one function each, for `table.py`."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from requests.utils import get_netrc_auth

from unichat.client import async_streams
from unichat.errors import ConnectionFailed, UnichatError
from unichat.execution import async_performer
from unichat.execution.attempt import OperationRun
from unichat.execution.locks import KeyedLocks
from unichat.policy.breaker import Breaker
from unichat.policy.pacing import Pacer
from unichat.policy.retry import Retries
from unichat.transport import tls as trust
from unichat.transport.aiohttp import line as aio_line
from unichat.transport.aiohttp import phases as aio_phases
from unichat.transport.aiohttp import transport as on_aiohttp

# What a session of aiohttp would do by itself

_Ask = Callable[..., Awaitable[Any]]


def _asking(change: Callable[[_Ask], _Ask]) -> None:
    aio_line.Line.ask = change(aio_line.Line.ask)  # type: ignore[method-assign, assignment]


def resending() -> None:
    """A connection that drops is a reason to ask again, where the question is a GET."""

    def twice(ask: _Ask) -> _Ask:
        async def changed(self: Any, method: str, *given: Any) -> Any:
            try:
                return await ask(self, method, *given)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                if method != "GET":
                    raise
                return await ask(self, method, *given)

        return changed

    _asking(twice)


def netrc() -> None:
    """The library looks for a login by itself."""

    def with_login(ask: _Ask) -> _Ask:
        async def changed(self: Any, method: str, target: str, headers: Any, *given: Any) -> Any:
            login = get_netrc_auth(self._base_url)
            if login is not None:
                headers = {**headers, "Authorization": aiohttp.encode_basic_auth(*login)}
            return await ask(self, method, target, headers, *given)

        return changed

    _asking(with_login)


def cookies() -> None:
    """Cookies are kept."""
    kept: dict[str, str] = {}

    def keeping(ask: _Ask) -> _Ask:
        async def changed(self: Any, method: str, target: str, headers: Any, *given: Any) -> Any:
            answer = await ask(self, method, target, headers | kept, *given)
            if "set-cookie" in answer.headers:
                kept["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
            return answer

        return changed

    _asking(keeping)


def redirects() -> None:
    """Redirects are followed."""

    def following(ask: _Ask) -> _Ask:
        async def changed(self: Any, method: str, target: str, *given: Any) -> Any:
            answer = await ask(self, method, target, *given)
            if answer.status in (301, 302, 303, 307, 308):
                answer.close()
                answer = await ask(self, method, urlsplit(answer.headers["location"]).path, *given)
            return answer

        return changed

    _asking(following)


def authorities() -> None:
    """The environment names no authorities."""
    trust.authorities = lambda ca_bundle: ca_bundle


def proxies() -> None:
    """Whatever the environment names is a proxy."""
    on_aiohttp.unusable = lambda proxy, schemes: None


# An attempt


def deadline() -> None:
    """A wait lasts as long as it takes."""
    aio_phases.Sending.waiting = lambda self: asyncio.timeout(None)  # type: ignore[method-assign]


def silence() -> None:
    """A stream may be silent up to its deadline."""
    aio_phases.Sending.heard = lambda self, seconds: None  # type: ignore[method-assign]


def body_limit() -> None:
    """An answer may have any size."""
    send = on_aiohttp.AiohttpTransport.send

    async def unlimited(self: Any, request: Any, deadline: Any, *, limit: int) -> Any:
        return await send(self, request, deadline, limit=2**60)

    on_aiohttp.AiohttpTransport.send = unlimited  # type: ignore[method-assign]


def written() -> None:
    """Nobody notes what was sent."""
    aio_phases.Sending.written = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]


def handshakes() -> None:
    """A handshake passes for a part of connecting."""
    aio_phases.Handshake.do_handshake = ssl.SSLObject.do_handshake  # type: ignore[method-assign]


def heads() -> None:
    """Any head will do that the library takes."""
    on_aiohttp._no_answer = lambda answer: None


def unasked() -> None:
    """A kept connection is used with whatever has come on it."""

    aio_line._is_silent = lambda protocol: True


def ends() -> None:
    """Whoever waits for the rest of a body does not hear that its connection has ended."""
    aio_line.Line._lost = lambda self, protocol, closed: None  # type: ignore[method-assign]


def farewells() -> None:
    """A connection that is given up is closed politely."""
    aio_line.Line.abandon = lambda self, attempt: None  # type: ignore[method-assign]


def clean_errors() -> None:
    """An error is raised where the library's is caught, and so holds it, and the request with the key."""

    def raising(error: Exception, attempt: Any) -> Any:
        raise ConnectionFailed("not trusted", kind="certificate", hint="Check it.", maybe_delivered=False)

    on_aiohttp.failure_of = raising


def idle_connections() -> None:
    """A connection is kept for long."""
    init = aio_line.Line.__init__

    def lasting(self: Any, *given: Any) -> None:
        init(self, *given)
        self._connector._keepalive_timeout = 60.0

    aio_line.Line.__init__ = lasting  # type: ignore[method-assign]


def closing() -> None:
    """A client that is closed lets its calls run on."""
    aio_phases.Sending.stop = lambda self: None  # type: ignore[method-assign]


# The performer, and what runs the same on both


def holds() -> None:
    """Calls in one conversation overlap."""

    async def at_once(lock: object, deadline: object) -> bool:
        with suppress(RuntimeError):
            await asyncio.wait_for(lock.acquire(), 0.001)  # type: ignore[attr-defined]
        return True

    async_performer._acquire = at_once
    KeyedLocks.leave = lambda self, key: self._locks.pop(key, None)  # type: ignore[method-assign, assignment]


def home() -> None:
    """A client runs in any loop."""
    async_performer.LoopAffinity.check = lambda self: None  # type: ignore[method-assign]


def withdrawal() -> None:
    """A retry that is cancelled before it is made has been paid for."""
    Retries.refund = lambda self: None  # type: ignore[method-assign]


def probes() -> None:
    """A probe that is cancelled stays the only one."""
    Breaker.abandon = lambda self, generation: None  # type: ignore[method-assign]


def paces() -> None:
    """A reservation of the pace that nobody waits for any longer is lost."""
    Pacer.give_back = lambda self, reservation: None  # type: ignore[method-assign]


def endings() -> None:
    """Observers do not hear of calls that were given up."""
    notify = OperationRun._notify_end

    def partial(self: Any, error: Any, record: Any = None) -> None:
        if error is None or isinstance(error, UnichatError):
            notify(self, error, record)

    OperationRun._notify_end = partial  # type: ignore[method-assign]


def turns() -> None:
    """A task that is cancelled keeps the lock."""
    leave = KeyedLocks.leave

    def keeping(self: Any, key: object) -> None:
        if sys.exception() is None:
            leave(self, key)
        else:
            lock, _ = self._locks[key]
            if not lock.locked():
                asyncio.ensure_future(lock.acquire())  # noqa: RUF006 - it is not to be had at once

    KeyedLocks.leave = keeping  # type: ignore[method-assign]


def streams() -> None:
    """A stream whose consumer was cancelled goes on to its end."""
    async_streams.AsyncAnswerStream._give_up = lambda self, interrupted_by=None: None  # type: ignore[method-assign]
