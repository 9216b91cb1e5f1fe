"""Clients for tests, from arguments alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unichat.client.async_client import AsyncClient
from unichat.client.sync_client import Client
from unichat.config import resolve
from unichat.connecting import build_async_client, build_client
from unichat.hooks import Hook
from unichat.testing.clock import FakeClock
from unichat.transport.base import AsyncTransport, Clock, Transport


def connect(
    backend: str,
    transport: Transport | None = None,
    *,
    clock: FakeClock | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> Client:
    """Return a client that is set up by `settings` alone: neither the environment nor a file is looked at.

    Args:
        transport: sends the requests; None: unichat's own, over a real network.
        clock: by which it waits between attempts and measures deadlines. None: no test waits between attempts; over a
            real network, deadlines are real.
        settings: as `unichat.connect` takes them.
    """
    found = resolve(backend, settings=settings, environ={})
    time = _choose_clock(clock, real=transport is None)
    return build_client(found, transport=transport, clock=time, hooks=hooks)


def connect_async(
    backend: str,
    transport: AsyncTransport | None = None,
    *,
    clock: FakeClock | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> AsyncClient:
    """Return an asyncio client, set up as `connect` does it."""
    found = resolve(backend, settings=settings, environ={})
    time = _choose_clock(clock, real=transport is None)
    return build_async_client(found, transport=transport, clock=time, hooks=hooks)


def _choose_clock(clock: FakeClock | None, *, real: bool) -> Clock:
    if clock is not None:
        return clock.clock
    return Clock(sleep=lambda _: None) if real else FakeClock().clock
