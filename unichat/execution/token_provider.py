"""Calls the caller's function for a token, which may block, be asynchronous, raise, or return nonsense."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context

from attrs import frozen

from unichat._interruptions import is_interruption
from unichat._text.printable import shorten
from unichat.adapter import Secret, TokenProvider
from unichat.errors import ConfigError


@frozen
class ProviderResult:
    """The result of calling the caller's function: a secret, or what is wrong."""

    secret: Secret | None
    problem: str = ""


def require_secret(result: ProviderResult) -> Secret:
    """Return the secret.

    Raises:
        ConfigError: there is none.
    """
    if result.secret is None:
        # Raised here, where no local variable holds what was returned: tracebacks are shown with them.
        raise ConfigError(
            f"the token provider {result.problem}", key="token", hint="It should return a valid token as text."
        )
    return result.secret


def call_provider(provider: TokenProvider) -> ProviderResult:
    """Return what the caller's function returns, or what is wrong with it; it may block."""
    try:
        token = provider()
    except Exception as error:
        if is_interruption(error):
            raise
        return _describe_exception(error)
    if isinstance(token, Awaitable):
        if inspect.iscoroutine(token):
            token.close()
        return ProviderResult(None, "is asynchronous, and this client is not")
    return _check_token(token)


async def call_provider_async(provider: TokenProvider) -> ProviderResult:
    """Return what the caller's function returns, asynchronous or not, or what is wrong with it."""
    try:
        # In a thread, so that it does not hold up the event loop.
        token = await provider() if inspect.iscoroutinefunction(provider) else await _in_thread(provider)
        if isinstance(token, Awaitable):
            token = await token
    except Exception as error:
        return _describe_exception(error)
    return token if isinstance(token, ProviderResult) else _check_token(token)


async def _in_thread(function: Callable[[], object]) -> object:
    """Return what a function returns, or what is wrong with it.

    In a thread of its own that nothing joins: a thread of the event loop's pool would be missing for DNS look-ups, and
    the program could not end before the function does.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(result: object) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result: object
        try:
            result = function()
        except BaseException as error:
            result = _describe_exception(error)
        # If the loop has ended, nothing waits for the result.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=copy_context().run, args=(run,), name="unichat-token", daemon=True).start()
    return await future


def _describe_exception(error: BaseException) -> ProviderResult:
    # Only the type: the message of the caller's exception may hold the token.
    return ProviderResult(None, f"raised {shorten(type(error).__name__)}")


def _check_token(token: object) -> ProviderResult:
    if isinstance(token, Secret):
        return ProviderResult(token)
    if not isinstance(token, str):
        return ProviderResult(None, f"returned {type(token).__name__} instead of text")
    try:
        return ProviderResult(Secret(token, name="token"))
    except ConfigError as error:
        return ProviderResult(None, f"returned a token that cannot be sent: {error.message}")
