"""What stands in for the network where a test must decide what happens in which turn of the loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from unichat.transport.base import Deadline
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.progress import TaskProgress


class FakeTransport(asyncio.Transport):
    """Notes what a connection does to it. `abort` is seen in the loop's next turn, as with the real ones."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
        self.written: list[bytes] = []
        self.reading = True
        self.unsent = 0
        self.closing = False
        self.refuses = False
        connection.connection_made(self)

    def write(self, data: Any) -> None:
        if self.refuses:
            self.closing = True
        else:
            self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def abort(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)


class Wire:
    """A connection over a fake transport, with a real socket for the kernel to be asked."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.connection = Connection(self.near, memoryview(bytearray(1_000)))
        self.transport = FakeTransport(self.connection)

    def close(self) -> None:
        self.near.close()
        self.far.close()


def receive(connection: Connection, data: bytes) -> None:
    """Have data come, in as many pieces as the connection's buffer makes of it."""
    while data:
        buffer = connection.get_buffer(-1)
        piece, data = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(piece)] = piece
        connection.buffer_updated(len(piece))


def new_progress(seconds: float = 60.0, idle_timeout: float | None = None) -> TaskProgress:
    return TaskProgress(asyncio.get_running_loop(), Deadline(seconds), idle_timeout)


async def turns(count: int = 5) -> None:
    """Let the loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine in a loop of its own, which must be left without tasks."""

    async def limit_time() -> None:
        async with asyncio.timeout(20):
            await test
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(limit_time())
