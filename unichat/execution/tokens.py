"""Where the token of a call comes from: fixed, from the caller's function, or fetched and kept until it expires."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context

from attrs import frozen

from unichat._text.printable import trimmed
from unichat.adapter import Credential, FetchToken, Flow, Operation, Secret, Token, TokenProvider, ask, exclusive
from unichat.adapter.secrets import Signature
from unichat.errors import ConfigError

_MARGIN = 30.0
"""Seconds before its end that a token is replaced, lest it expire on its way (a tenth of its life at most)."""


class Tokens:
    """The secret for each request of one client.

    Attributes:
        fixed: how to sign a request where that never changes; None where `signature` must be asked.
    """

    def __init__(self, credential: Credential, clock: Callable[[], float]) -> None:
        self._credential = credential
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[Secret, float] | None = None
        source = credential.source
        self.fixed = self._signed(source) if isinstance(source, Secret) else None

    @property
    def renewable(self) -> bool:
        """Whether asking again may give another secret."""
        return self.fixed is None

    def forget(self, refused: Signature | None) -> None:
        """Drop the fetched token that the vendor refused, unless another has taken its place already."""
        with self._lock:
            if self._kept is not None and self._signed(self._kept[0]) == refused:
                self._kept = None

    def _signed(self, secret: Secret) -> Signature:
        return Signature(self._credential.header, secret.reveal(), self._credential.scheme)

    def signature(self) -> Flow[Signature]:
        """Return how to sign a request, after the operation that fetches a token if one is due.

        Raises:
            ConfigError: the caller's function raised, or returned no usable token.
        """
        source = self._credential.source
        if isinstance(source, Operation):
            return self._signed((yield from self._fetched(source)))
        return self._signed(source if isinstance(source, Secret) else _checked((yield FetchToken(source))))

    def _fetched(self, source: Operation[Token]) -> Flow[Secret]:
        kept = self._current()
        if kept is None:
            # Alone, so that threads which find the token expired do not all fetch one.
            yield from exclusive(("token", self._credential.header), "another call's fetching of a token")
            kept = self._current()
        if kept is None:
            token = yield from ask(source)
            lifetime = float("inf") if token.lifetime is None else token.lifetime
            kept = token.secret
            with self._lock:
                self._kept = (kept, self._clock() + lifetime - min(_MARGIN, lifetime / 10))
        return kept

    def _current(self) -> Secret | None:
        with self._lock:
            return self._kept[0] if self._kept and self._clock() < self._kept[1] else None


@frozen
class Given:
    """What became of asking the caller's function: a secret, or what is wrong."""

    secret: Secret | None
    problem: str = ""


def _checked(given: Given) -> Secret:
    if given.secret is None:
        # Raised here, where no local variable holds what was given: tracebacks are shown with them.
        raise ConfigError(
            f"the token provider {given.problem}", key="token", hint="It should return a valid token as text."
        )
    return given.secret


def call_provider(provider: TokenProvider) -> Given:
    """Return what the caller's function gives, or what is wrong with it; it may take its time."""
    try:
        given = provider()
    except Exception as error:
        return _raised(error)
    if isinstance(given, Awaitable):
        if inspect.iscoroutine(given):
            given.close()
        return Given(None, "is asynchronous, and this client is not")
    return _given(given)


async def call_provider_async(provider: TokenProvider) -> Given:
    """Return what the caller's function gives, asynchronous or not, or what is wrong with it."""
    try:
        # In a thread, lest it hold up all that the event loop does.
        given = await provider() if inspect.iscoroutinefunction(provider) else await _in_thread(provider)
        if isinstance(given, Awaitable):
            given = await given
    except Exception as error:
        return _raised(error)
    return given if isinstance(given, Given) else _given(given)


async def _in_thread(function: Callable[[], object]) -> object:
    """Return what a function gives, or what is wrong with it.

    In a thread of its own that nobody waits for: one of the event loop's would be missed by all who look names up, and
    the program could not end before the function does.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(given: object) -> None:
        if not future.done():
            future.set_result(given)

    def run() -> None:
        given: object
        try:
            given = function()
        except BaseException as error:
            given = _raised(error)
        # Nobody waits any longer where the loop has ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, given)

    threading.Thread(target=copy_context().run, args=(run,), name="unichat-token", daemon=True).start()
    return await future


def _raised(error: BaseException) -> Given:
    # Only the type: the words of somebody else's exception may hold the token.
    return Given(None, f"raised {trimmed(type(error).__name__)}")


def _given(given: object) -> Given:
    if isinstance(given, Secret):
        return Given(given)
    if not isinstance(given, str):
        return Given(None, f"returned {type(given).__name__} instead of text")
    try:
        return Given(Secret(given, name="token"))
    except ConfigError as error:
        return Given(None, f"gave a token that cannot be sent: {error.message}")
