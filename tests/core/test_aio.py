"""The asyncio driver where it differs from the sync one: cancelling, closing, and what aiohttp would do by itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

import unichat
from unichat.aio import AsyncClient
from unichat.errors import ConfigError, ConnectionFailed, DeadlineExceeded, InvalidInput

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b'{"status_code": 200, "message_id": 1, "message": "Hello"}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER


class Vendor:
    """A server that handles each connection by a script; `requests` has the first lines that it read."""

    def __init__(self, script: Handler) -> None:
        self._script = script
        self._handlers: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    async def __aenter__(self) -> Vendor:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        # Handlers end with their connections; one that outlived the loop would leave its socket to the collector.
        await asyncio.gather(*self._handlers)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        while head := await reader.read(65_536):
            self.requests.append(head.partition(b"\r\n")[0])
            self.arrived.set()
            await self._script(reader, writer)
            if writer.is_closing():
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.left.set()


async def answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)
    await writer.drain()


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def connect(url: str, **settings: Any) -> AsyncClient:
    return unichat.connect_async("kadal", token="t", chat_bot_id="bot", base_url=url, **settings)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(bounded())


def test_a_question_by_get_is_not_sent_again_by_aiohttp_itself() -> None:
    async def test() -> None:
        async with Vendor(closes) as vendor, connect(vendor.url, send_version="v1") as client:
            with pytest.raises(ConnectionFailed) as caught:
                await client.chat("Hi?")
            assert (caught.value.kind, caught.value.maybe_delivered) == ("closed", True)
            assert len(vendor.requests) == 1

    run(test)


def test_cancelling_ends_the_call_and_gives_the_connection_up() -> None:
    async def test() -> None:
        async with Vendor(is_silent) as vendor, connect(vendor.url) as client:
            task = asyncio.create_task(client.chat("Hi?", user="ann"))
            await vendor.arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await vendor.left.wait()
            # The conversation is free again: the next call is sent, and ends by its own deadline.
            with pytest.raises(DeadlineExceeded):
                await client.chat("Hi?", user="ann", deadline=0.1)
            assert len(vendor.requests) == 2

    run(test)


def test_a_timeout_of_asyncio_composes_with_a_call() -> None:
    async def test() -> None:
        async with Vendor(is_silent) as vendor, connect(vendor.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.chat("Hi?")
            await vendor.left.wait()

    run(test)


def test_closing_ends_a_running_call_with_an_error_of_ours() -> None:
    async def test() -> None:
        async with Vendor(is_silent) as vendor:
            client = connect(vendor.url)
            task = asyncio.create_task(client.chat("Hi?"))
            await vendor.arrived.wait()
            await client.close()
            with pytest.raises(ConnectionFailed, match="the client was closed"):
                await task
            with pytest.raises(InvalidInput, match="closed"):
                await client.chat("Hi?")
            await client.close()
            await vendor.left.wait()

    run(test)


def test_calls_of_one_conversation_wait_for_each_other_and_others_do_not() -> None:
    async def test() -> None:
        async with Vendor(answers) as vendor, connect(vendor.url) as client:
            found = await asyncio.gather(*(client.chat("Hi?", user=f"user-{number % 3}") for number in range(30)))
            assert {answer.text for answer in found} == {"Hello"}
            assert len(vendor.requests) == 30

    run(test)


def test_a_dead_host_is_refused_and_was_not_delivered() -> None:
    async def test() -> None:
        async with Vendor(answers) as vendor:
            url = vendor.url
        async with connect(url, attempts=1) as client:
            with pytest.raises(ConnectionFailed) as caught:
                await client.chat("Hi?")
            assert (caught.value.kind, caught.value.maybe_delivered) == ("refused", False)

    run(test)


def test_without_aiohttp_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "unichat.transport.on_aiohttp", raising=False)
    with pytest.raises(ConfigError, match=r"unichat-bridge\[async\]"):
        connect("http://127.0.0.1:9")
