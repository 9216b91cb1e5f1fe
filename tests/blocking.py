"""An event loop in a thread, and asyncio's clients and transports as blocking ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from unichat.client.async_many import AsyncOutcomes
from unichat.testing.blocking import BlockingClient as BlockingClient
from unichat.testing.blocking import BlockingStream as BlockingStream
from unichat.testing.blocking import Runs as Runs
from unichat.transport.base import AsyncOpenReply, AsyncTransport, Deadline, HttpRequest, TransportFailure


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self._loop = factory()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run it there, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self) -> None:
        """End the loop."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingOutcomes:
    """The outcomes of asynchronous calls, read as sync ones."""

    def __init__(self, loop: Runs, outcomes: AsyncOutcomes[Any, Any]) -> None:
        self._loop = loop
        self._outcomes = outcomes

    def __enter__(self) -> BlockingOutcomes:
        return self

    def __exit__(self, *about: Any) -> None:
        self.close()

    def __iter__(self) -> BlockingOutcomes:
        return self

    def __next__(self) -> Any:
        ended = object()
        outcome = self._loop.run(_next(self._outcomes, ended))
        if outcome is ended:
            raise StopIteration
        return outcome

    def close(self) -> None:
        """End the calls that run."""
        self._loop.run(self._outcomes.close())


class BlockingTransport:
    """An asyncio transport whose calls block."""

    def __init__(self, loop: Runs, transport: AsyncTransport) -> None:
        self._loop = loop
        self._transport = transport

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Any:
        return self._loop.run(self._transport.send(request, deadline, limit=limit))

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> Any:
        found = self._loop.run(self._transport.open(request, deadline, idle_timeout=idle_timeout))
        return found if isinstance(found, TransportFailure) else BlockingReply(self._loop, found)

    def close(self) -> None:
        self._loop.run(self._transport.close())


class BlockingReply:
    """An open answer of an asyncio transport, read as a sync one."""

    def __init__(self, loop: Runs, reply: AsyncOpenReply) -> None:
        self._loop = loop
        self._reply = reply
        self.status, self.headers, self.delimited = reply.status, reply.headers, reply.delimited

    def read(self) -> Any:
        return self._loop.run(self._reply.read())

    def reset_idle_timeout(self, seconds: float) -> None:
        self._loop.run(_call(self._reply.reset_idle_timeout, seconds))

    def close(self) -> None:
        self._loop.run(_call(self._reply.close))


async def _next(items: Any, ended: object) -> Any:
    return await anext(items, ended)


async def _call(function: Callable[..., None], *args: Any) -> None:
    function(*args)
