"""That calls leave nothing to the garbage collector: their objects are gone when the last reference is."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

import unichat
from unichat.errors import ServerError
from unichat.testing import FakeBackend


@contextmanager
def _collected() -> Iterator[list[str]]:
    """Collect the kinds of unichat's objects that only the garbage collector could free."""
    kinds: list[str] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    before = len(gc.garbage)
    try:
        yield kinds
        gc.collect()
        found = gc.garbage[before:]
        kinds += sorted({f"{type(each).__module__}.{type(each).__name__}" for each in found})
    finally:
        gc.set_debug(0)
        del gc.garbage[before:]
        gc.enable()
    kinds[:] = [kind for kind in kinds if kind.startswith("unichat.")]


def _fail(client: unichat.Client) -> None:
    with suppress(ServerError):
        client.chat("b")


CALLS: dict[str, Callable[[unichat.Client], Any]] = {
    "chat": lambda client: client.chat("a", user="u"),
    "a thread": lambda client: client.continue_thread(client.chat("a"), "b"),
    "a stream": lambda client: list(client.stream("a")),
    "feedback": lambda client: client.feedback(client.chat("a"), "up"),
    "a history": lambda client: list(client.history(user="u")),
    "a failure": _fail,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_leaves_no_reference_cycles(name):
    fake = FakeBackend()
    if name == "a failure":
        fake.fails("503", times=9)
    else:
        fake.answers("A").answers("B")
    with fake.client() as client, _collected() as kinds:
        CALLS[name](client)
    assert kinds == []


def test_an_async_call_leaves_no_reference_cycles():
    fake = FakeBackend()
    fake.answers("A").streams("B", "C")

    async def call() -> list[str]:
        async with fake.async_client() as client:
            with _collected() as kinds:
                await client.chat("a", user="u")
                async for _ in client.stream("a"):
                    pass
        return kinds

    assert asyncio.run(call()) == []
