"""What tests of several folders share: the event loops in which the asyncio client runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.blocking import Loop


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """An event loop in a thread, one for all tests of a process."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def uvloop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """How to make a loop of uvloop's, where that is to be had."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is neither for Windows nor for PyPy")
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


@pytest.fixture(scope="session")
def uv_loop(uvloop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Loop]:
    """The same by uvloop."""
    loop = Loop(uvloop_factory)
    yield loop
    loop.close()
