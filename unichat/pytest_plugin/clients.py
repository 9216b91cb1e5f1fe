"""The vendors of the plugin's fixtures, and clients of them on a clock of the test's, with a fault or without."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from unichat import AsyncClient, Client
from unichat.sandbox import Sandbox
from unichat.testing import FakeClock, connect, connect_async, find_fault
from unichat.testing.faulty import AsyncFaultyTransport, FaultyTransport


def fail_sandbox(box: Sandbox, fault: str) -> Sandbox:
    """Have all requests to a sandbox meet a fault, and return it; its settings have short deadlines for a silent one.

    The test is skipped if a connection to a sandbox cannot show the fault.
    """
    if find_fault(fault).serve is None:
        pytest.skip(f"a connection to a sandbox cannot show the fault {fault}; use unichat_client or fake_backend")
    for backend in box.backends:
        box.fail(backend, fault, times=None)
    return _SilentSandbox(box._simulators, box._store, box._running) if fault in _SILENT else box


_SILENT = ("silence", "stall_in_body")


class _SilentSandbox(Sandbox):
    """A sandbox that does not answer, so that a client of it gives up soon: nobody waits for minutes."""

    def settings(self, backend: str) -> dict[str, Any]:
        return {**super().settings(backend), "deadline": 0.5, "idle_timeout": 0.5}


def make_client(box: Sandbox, backend: str, fault: str | None, clock: FakeClock) -> Client:
    """Return a client of a simulated vendor."""
    client = connect(backend, clock=clock, **box.settings(backend))
    if fault is None:
        return client
    return client._with_transport(FaultyTransport(client._transport, find_fault(fault), clock))


def make_async_client(box: Sandbox, backend: str, fault: str | None, clock: FakeClock) -> AsyncClient:
    """Return an asyncio client of a simulated vendor; it need not be made in an event loop."""
    client = connect_async(backend, clock=clock, **box.settings(backend))
    if fault is None:
        return client
    return client._with_transport(AsyncFaultyTransport(client._transport, find_fault(fault), clock))


def close_async_client(client: AsyncClient) -> None:
    """Close a client in its own loop where that can still run, and else without one."""
    loop = client._performer.affinity.loop
    runner = asyncio.new_event_loop() if loop is None or loop.is_closed() else loop
    if runner.is_running():
        # A loop that outlives the test: it closes the client when it gets there.
        asyncio.run_coroutine_threadsafe(client.close(), runner)
        return
    try:
        runner.run_until_complete(client.close())
    finally:
        if runner is not loop:
            runner.close()
