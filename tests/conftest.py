"""What tests of several folders share: event loops, servers on loopback, and an environment without proxies.

What they stand on is imported by the fixtures, so that a file that needs none of them does not wait for it.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.blocking import Loop
    from tests.loopback import Script
    from unichat.testing import FaultServer

_INTERFERING = re.compile(r"(?i)(https?|all|no)_proxy|requests_ca_bundle|curl_ca_bundle|netrc")


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """An event loop in a thread, one for all tests of a process."""
    from tests.blocking import Loop

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
    from tests.blocking import Loop

    loop = Loop(uvloop_factory)
    yield loop
    loop.close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., FaultServer]]:
    """Start servers that are closed after the test; a script that raises fails it."""
    from tests.loopback import start_server

    for name in list(os.environ):
        if _INTERFERING.fullmatch(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    servers: list[FaultServer] = []

    def start(*scripts: Script, tls: bool | ssl.SSLContext = False) -> FaultServer:
        servers.append(start_server(*scripts, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
