"""Calls of the caller's function for a token, in both clients: what it returns, and what is wrong with it."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from tests.pace import PATIENCE
from unichat.adapter import Secret
from unichat.errors import ConfigError
from unichat.execution.token_provider import ProviderResult, call_provider, call_provider_async, require_secret

VARIABLE = ContextVar("VARIABLE", default="unset")


def call_on_asyncio(provider):
    return asyncio.run(call_provider_async(provider))


both = pytest.mark.parametrize("call", [call_provider, call_on_asyncio], ids=["sync", "asyncio"])


def raise_secret():
    raise RuntimeError("sesame is in here")


async def asynchronous():
    await asyncio.sleep(0)
    return "sesame"


async def asynchronous_and_raising():
    raise RuntimeError("sesame is in here")


@both
@pytest.mark.parametrize("token", ["sesame", Secret("sesame")])
def test_a_provider_that_returns_text_or_a_secret_gives_a_secret(call, token):
    assert call(lambda: token) == ProviderResult(Secret("sesame"))


@both
@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        (raise_secret, "raised RuntimeError"),
        (lambda: None, "returned NoneType instead of text"),
        (lambda: b"sesame", "returned bytes instead of text"),
        (lambda: "sesame\n", "returned a token that cannot be sent: token has leading or trailing whitespace"),
    ],
)
def test_a_provider_that_gives_no_token_is_described_without_its_words(call, provider, problem):
    assert call(provider) == ProviderResult(None, problem)


@pytest.mark.parametrize("provider", [asynchronous, lambda: asynchronous()])
def test_an_asynchronous_provider_is_awaited_on_asyncio_and_refused_without_it(provider):
    assert call_on_asyncio(provider) == ProviderResult(Secret("sesame"))
    assert call_provider(provider) == ProviderResult(None, "is asynchronous, and this client is not")


def test_an_asynchronous_provider_that_raises_is_described():
    assert call_on_asyncio(asynchronous_and_raising) == ProviderResult(None, "raised RuntimeError")


def test_a_blocking_provider_runs_in_a_daemon_thread_with_the_callers_context():
    seen = {}

    def provider():
        seen.update(value=VARIABLE.get(), thread=threading.current_thread())
        return "sesame"

    async def call():
        VARIABLE.set("of the caller")
        return await call_provider_async(provider)

    asyncio.run(call())
    assert seen["value"] == "of the caller"
    assert seen["thread"].daemon
    assert seen["thread"] is not threading.current_thread()


def test_a_provider_that_is_slower_than_its_cancelled_call_disturbs_nobody():
    entered, leave = threading.Event(), threading.Event()

    def provider():
        entered.set()
        assert leave.wait(PATIENCE)
        return "sesame"

    async def call():
        task = asyncio.ensure_future(call_provider_async(provider))
        assert await asyncio.to_thread(entered.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(call())
    (thread,) = [each for each in threading.enumerate() if each.name == "unichat-token"]
    leave.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_require_secret_returns_it_or_raises_config_error_with_the_problem():
    assert require_secret(ProviderResult(Secret("sesame"))) == Secret("sesame")
    with pytest.raises(ConfigError, match="the token provider raised RuntimeError") as caught:
        require_secret(ProviderResult(None, "raised RuntimeError"))
    assert caught.value.key == "token"
