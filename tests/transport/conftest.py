"""Each transport, as a synchronous one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from tests.blocking import BlockingTransport, Loop
from tests.transport.caller import Caller

TRANSPORTS = {
    "requests": "unichat.transport.requests.transport:RequestsTransport",
    "h11": "unichat.transport.h11.transport:H11Transport",
}
OWN = os.environ.get("UNICHAT_TRANSPORT")
"""A caller's own, which takes their place."""

TransportOn = Callable[..., Any]


@pytest.fixture(params=[OWN] if OWN else TRANSPORTS)
def transport_on(request: pytest.FixtureRequest, loop: Loop) -> Iterator[TransportOn]:
    """Makes transports to a URL, which are closed after the test."""
    module, _, name = TRANSPORTS.get(request.param, request.param).partition(":")
    factory = getattr(import_module(module), name)
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        transport = factory(url, **options)
        asynchronous = inspect.iscoroutinefunction(transport.send)
        made.append(BlockingTransport(loop, transport) if asynchronous else transport)
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def caller_on(transport_on: TransportOn) -> Callable[..., Caller]:
    """Makes callers over transports to a URL."""

    def make(
        url: str, *, attempts: int = 3, header: str = "X-Token", idle_timeout: float = 30.0, **options: Any
    ) -> Caller:
        return Caller(transport_on(url, **options), url, attempts=attempts, header=header, idle_timeout=idle_timeout)

    return make
