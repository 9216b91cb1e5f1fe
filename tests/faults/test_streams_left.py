"""Row 56: streams that their reader leaves early."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.faults.injection import good
from tests.faults.neutral import BACKENDS, Opens, new_nonce, settings_for, sync_client_on
from tests.faults.oracles import Observer, open_sockets
from tests.faults.rows_streams import record, then_silence
from tests.faults.server import Connection, FaultServer, HttpMessage
from tests.faults.vendors import STREAM, VENDORS, http, kapa_records, text_for
from tests.pace import PATIENCE, wait_until
from unichat.client.sync_client import Client
from unichat.connecting import async_client_for
from unichat.errors import InvalidInput


def _slow(received: HttpMessage) -> bytes:
    """A stream whose rest is still to come: a few records of what the length promises."""
    if not received.target.endswith("/stream/"):
        return VENDORS["kapa"](received)
    records = kapa_records(received.nonce)
    return http(200, b"".join(records[:4]), content_length=str(len(b"".join(records))), **STREAM)


def _leave_by_break(client: Client, nonce: str) -> None:
    with client.stream(f"Question {nonce}") as pieces:
        for _ in pieces:
            break
    with pytest.raises(InvalidInput, match="closed"):
        _ = pieces.answer


def _leave_by_exception(client: Client, nonce: str) -> None:
    with suppress(ZeroDivisionError), client.stream(f"Question {nonce}") as pieces:
        next(pieces)
        raise ZeroDivisionError


def _leave_without_reading(client: Client, nonce: str) -> None:
    with client.stream(f"Question {nonce}"):
        pass


def _leave_by_dropping(client: Client, nonce: str) -> None:
    pieces = client.stream(f"Question {nonce}")
    next(pieces)
    pieces.close()
    pieces.close()


WAYS = [_leave_by_break, _leave_by_exception, _leave_without_reading, _leave_by_dropping]


@pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__.strip("_").replace("_", " "))
def test_a_stream_left_early_gives_up_its_connection_and_the_next_call_gets_its_own_answer(
    leave: Callable[[Client, str], None], count: Callable[..., None], client_on: Opens
) -> None:
    before = open_sockets()
    left, nonce = new_nonce(), new_nonce()
    with FaultServer(_slow, (good,)) as server, client_on("kapa", server.url) as client:
        leave(client, left)
        server.settle()
        assert server.open_connections == 0, "the connection was kept"
        assert client.chat(f"Question {nonce}").text == text_for(nonce), "not the answer to the question"
        assert server.accepted == 2
        assert server.seen[left] == 1
    assert not open_sockets() - before
    count(56, leave.__name__.strip("_").replace("_", " "))


def test_a_second_thread_that_reads_a_stream_is_refused_and_closing_it_ends_the_first(
    count: Callable[..., None],
) -> None:
    nonce = new_nonce()
    with (
        FaultServer(_slow, (good,)) as server,
        sync_client_on("kapa", server.url) as client,
        client.stream(f"Question {nonce}") as pieces,
        ThreadPoolExecutor(1) as threads,
    ):
        texts: list[str] = []

        def read() -> None:
            texts.extend(event.text for event in pieces)

        reading = threads.submit(read)
        # It reads, and has soon read what came in one piece; then it waits for more.
        wait_until(lambda: texts)
        time.sleep(0.5)
        with pytest.raises(InvalidInput, match="already being read"):
            next(pieces)
        pieces.close()
        with pytest.raises(InvalidInput, match="the stream is closed"):
            reading.result(PATIENCE)
    count(56, "closed by another thread")


def test_a_stream_is_not_read_ahead_of_its_reader(client_on: Opens, count: Callable[..., None]) -> None:
    offered = 64 * 1024 * 1024
    sent = [0]

    def lavish(connection: Connection) -> bool:
        # What the kernel keeps for the sender is not what the client has taken.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        nonce = connection.read().nonce
        connection.write(http(200, b"", content_length=str(offered), **STREAM))
        piece = b"".join(kapa_records(nonce)[:1]) + record("partial_answer", text="a" * 60_000)
        while sent[0] < offered:
            connection.write(piece)
            sent[0] += len(piece)
        return False

    with (
        FaultServer(VENDORS["kapa"], (lavish,)) as server,
        client_on("kapa", server.url) as client,
        client.stream("How do I install it?") as pieces,
    ):
        next(pieces)
        before = -1
        while sent[0] > before:
            before = sent[0]
            time.sleep(0.1)
        taken = sent[0]
        # The rest flows as soon as somebody reads.
        for _ in range(300):
            next(pieces)
        assert sent[0] > taken
    assert taken < offered / 8, f"{taken:,} bytes were taken from the server for one event"
    count(56, f"{offered // 1024**2} MiB offered, one event read")


def test_a_stream_read_to_its_end_gives_its_connection_back(count: Callable[..., None], client_on: Opens) -> None:
    nonce = new_nonce()
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as client:
        with client.stream(f"Question {new_nonce()}") as pieces:
            list(pieces)
        assert client.chat(f"Question {nonce}").text == text_for(nonce)
        assert server.accepted == 1
    count(56, "read to its end")


def test_a_stream_that_nobody_enters_sends_nothing(count: Callable[..., None], client_on: Opens) -> None:
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as client:
        client.stream("How do I install it?")
        assert server.accepted == 0
    count(56, "never entered")


def _texts(client: Client) -> Iterator[str]:
    """As a bot may pass a stream on."""
    with client.stream("How do I install it?") as pieces:
        for event in pieces:
            yield event.text


async def _texts_on_asyncio(client: Any) -> AsyncIterator[str]:
    async with client.stream("How do I install it?") as pieces:
        async for event in pieces:
            yield event.text


def _check_leaving(hook: Observer) -> None:
    (record, error) = hook.ended[-1]
    assert (error, record.stopped_by) == (None, None)
    assert [attempt.outcome for attempt in record.attempts] == ["ok"]


@pytest.mark.parametrize("way", ["break", "close", "forget"])
def test_a_reader_who_leaves_the_callers_own_generator_is_no_interruption(way: str, count: Callable[..., None]) -> None:
    hook = Observer()
    with (
        FaultServer(VENDORS["kapa"], (then_silence(3),)) as server,
        sync_client_on("kapa", server.url, hooks=[hook]) as client,
    ):
        texts = _texts(client)
        for _ in texts:
            if way != "close":
                break
            texts.close()  # type: ignore[attr-defined]
        if way == "break":
            assert not hook.ended
        del texts
        gc.collect()
        _check_leaving(hook)
    count(56, f"a reader who leaves by {way}: requests")


@pytest.mark.parametrize("way", ["break", "close"])
def test_a_reader_who_leaves_the_callers_own_async_generator_is_no_interruption(
    way: str, count: Callable[..., None]
) -> None:
    hook = Observer()

    async def read(client: Any) -> None:
        texts = _texts_on_asyncio(client)
        async for _ in texts:
            if way == "break":
                break
            if way == "close":
                await texts.aclose()  # type: ignore[attr-defined]
        # The loop closes generators that are forgotten.
        await asyncio.get_running_loop().shutdown_asyncgens()

    async def use(url: str) -> None:
        settings = settings_for("kapa", url)
        async with async_client_for(BACKENDS["kapa"], settings, hooks=[hook]) as client:
            await read(client)
            _check_leaving(hook)

    with FaultServer(VENDORS["kapa"], (then_silence(3),)) as server:
        asyncio.run(use(server.url))
    count(56, f"a reader who leaves by {way}: h11")
