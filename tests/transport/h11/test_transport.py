"""The asyncio transport over real connections: plain, over TLS and through proxies, on asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.certificates import authority_file, context_for
from tests.faults.oracles import open_sockets
from tests.loopback import answer_in_turn, encode_chunks, http, silent
from tests.pace import PATIENCE
from unichat.adapter import Reply
from unichat.errors import InvalidInput
from unichat.testing import Connection, FaultServer
from unichat.transport.base import Deadline, HttpRequest, TransportFailure
from unichat.transport.h11.response import HttpResponse
from unichat.transport.h11.transport import H11Transport

LIMIT = 1_000_000
Test = Callable[[], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Runs a test in a loop of its own, which must be left without tasks and sockets."""
    factory = request.getfixturevalue("uvloop_factory") if request.param == "uvloop" else None

    async def limit_time(test: Test) -> None:
        async with asyncio.timeout(4 * PATIENCE):
            await test()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left"

    def run(test: Test) -> None:
        before = open_sockets()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(limit_time(test))
        # The servers' ends, in this process, too, are closed as soon as they notice.
        until = time.monotonic() + PATIENCE
        while open_sockets() - before and time.monotonic() < until:
            time.sleep(0.001)
        assert not open_sockets() - before, "sockets were left open"

    return run


def request(url: str, method: str = "POST", body: bytes | None = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest(method, url, "/chat", {"Accept": "*/*", **headers}, body)


async def ask(transport: H11Transport, url: str, **given: Any) -> Reply:
    reply = await transport.send(request(url, **given), Deadline(20.0), limit=LIMIT)
    assert isinstance(reply, Reply), reply
    return reply


async def expect_failure(transport: H11Transport, url: str, seconds: float = 20.0) -> TransportFailure:
    failure = await transport.send(request(url), Deadline(seconds), limit=LIMIT)
    assert isinstance(failure, TransportFailure)
    return failure


async def open_stream(transport: H11Transport, url: str, idle_timeout: float = 20.0) -> HttpResponse:
    reply = await transport.open(request(url), Deadline(20.0), idle_timeout=idle_timeout)
    assert isinstance(reply, HttpResponse), reply
    return reply


async def read(reply: HttpResponse) -> bytes:
    body = b""
    while piece := await reply.read():
        assert isinstance(piece, bytes), piece
        assert len(piece) <= 65_536
        body += piece
    return body


def test_questions_follow_each_other_over_one_connection(run: Callable[[Test], None], serve: Any) -> None:
    server = serve(answer_in_turn(http(), encode_chunks(b"ab", b"c"), http(404, b"", "A: 1", "a: 2")))

    async def test() -> None:
        transport = H11Transport(server.url)
        assert (await ask(transport, server.url)).body == b'{"ok": 1}'
        reply = await open_stream(transport, server.url)
        assert (reply.status, reply.delimited, await read(reply)) == (200, True, b"abc")
        # Its connection is in the pool already.
        reply.close()
        missing = await ask(transport, server.url)
        assert (missing.status, missing.headers["a"]) == (404, "1, 2")
        await transport.close()

    run(test)
    assert server.accepted == 1
    assert len(server.log) == 3


def test_a_compressed_stream_comes_in_bounded_pieces(run: Callable[[Test], None], serve: Any) -> None:
    whole = bytes(500_000)
    server = serve(answer_in_turn(http(200, gzip.compress(whole), "Content-Encoding: gzip")))

    async def test() -> None:
        transport = H11Transport(server.url)
        assert await read(await open_stream(transport, server.url)) == whole
        assert (await ask(transport, server.url)).body == whole
        await transport.close()

    run(test)
    assert server.accepted == 1


def test_a_request_for_another_address_is_a_mistake_of_the_caller(run: Callable[[Test], None], serve: Any) -> None:
    server = serve(answer_in_turn(http()))

    async def test() -> None:
        transport = H11Transport(server.url)
        for wrong in ("http://127.0.0.1:9", f"{server.url}/more"):
            with pytest.raises(InvalidInput, match="was made for"):
                await transport.send(request(wrong), Deadline(20.0), limit=LIMIT)
        with pytest.raises(ValueError, match="header"):
            await transport.send(request(server.url, X="a\r\nb"), Deadline(20.0), limit=LIMIT)
        await transport.close()

    run(test)
    assert server.accepted == 0


def test_a_closed_transport_sends_nothing(run: Callable[[Test], None], serve: Any) -> None:
    server = serve(silent)

    async def test() -> None:
        transport = H11Transport(server.url)
        call = asyncio.create_task(expect_failure(transport, server.url))
        while not server.log:
            await asyncio.sleep(0.001)
        await transport.close()
        await transport.close()
        for failure in (await call, await expect_failure(transport, server.url)):
            assert failure.kind == "cancelled"
        assert (await call).delivered is True
        assert (await expect_failure(transport, server.url)).delivered is False

    run(test)
    assert len(server.log) == 1


def test_a_deadline_that_has_passed_sends_nothing(run: Callable[[Test], None], serve: Any) -> None:
    server = serve(answer_in_turn(http()))

    async def test() -> None:
        transport = H11Transport(server.url)
        failure = await expect_failure(transport, server.url, seconds=0.0)
        assert (failure.kind, failure.delivered) == ("deadline", False)
        await transport.close()

    run(test)
    assert server.accepted == 0


def test_a_stream_that_is_closed_ends_the_wait_of_its_reader(run: Callable[[Test], None], serve: Any) -> None:
    def stall(connection: Connection) -> None:
        connection.read()
        connection.write(http(200, b"ab", length=10))
        connection.wait()

    server = serve(stall)

    async def test() -> None:
        transport = H11Transport(server.url, connections=1)
        reply = await open_stream(transport, server.url)
        assert await reply.read() == b"ab"
        reading = asyncio.create_task(reply.read())
        await asyncio.sleep(0)
        reply.close()
        reply.close()
        failure = await reading
        assert isinstance(failure, TransportFailure)
        assert (failure.kind, failure.delivered, failure.phase) == ("cancelled", True, "body")
        # It never passes for a stream that has ended.
        assert await reply.read() == failure
        # The only connection is to be had again.
        assert isinstance(await open_stream(transport, server.url), HttpResponse)
        await transport.close()

    run(test)


def test_idle_time_is_counted_while_somebody_waits(run: Callable[[Test], None], serve: Any) -> None:
    def stall(connection: Connection) -> None:
        connection.read()
        connection.write(http(200, b"ab", length=10))
        connection.wait()

    server = serve(stall)

    async def test() -> None:
        transport = H11Transport(server.url)
        reply = await open_stream(transport, server.url)
        assert await reply.read() == b"ab"
        reply.reset_idle_timeout(0.01)
        failure = await reply.read()
        assert isinstance(failure, TransportFailure)
        assert (failure.kind, failure.phase) == ("stalled", "body")
        await transport.close()

    run(test)


# TLS and proxies


class Tunnels:
    """A proxy that makes tunnels to the server at its other end, over TLS or not."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self._port = port
        self._tls = tls

    def __call__(self, connection: Connection) -> None:
        if self._tls is None:
            self._pass_on(connection)
            return
        with self._tls.wrap_socket(connection.socket, server_side=True) as connection.socket:
            self._pass_on(connection)

    def _pass_on(self, connection: Connection) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.socket.recv(1)
        self.requests.append(head)
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, connection.socket))
            back.start()
            _pump(connection.socket, server)
            back.join()


def _pump(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # Whichever side ended it, the other one ends too.
        for end in (source, target):
            end.close()


def over_tls(serve: Any, *scripts: Any) -> FaultServer:
    server: FaultServer = serve(*scripts, tls=context_for("good"))
    return server


def test_tls_is_spoken_and_its_connection_is_kept(run: Callable[[Test], None], serve: Any) -> None:
    server = over_tls(serve, answer_in_turn(http()))

    async def test() -> None:
        transport = H11Transport(server.url, ca_bundle=authority_file())
        for _ in range(3):
            assert (await ask(transport, server.url)).status == 200
        await transport.close()

    run(test)
    assert server.accepted == 1


@pytest.mark.parametrize("encrypted", [False, True], ids=["a plain proxy", "a proxy over TLS"])
def test_a_tunnel_leads_to_a_server_over_tls(
    run: Callable[[Test], None], serve: Any, monkeypatch: pytest.MonkeyPatch, *, encrypted: bool
) -> None:
    server = over_tls(serve, answer_in_turn(http()))
    tunnels = Tunnels(server.port, context_for("good") if encrypted else None)
    proxy = serve(tunnels)
    monkeypatch.setenv("HTTPS_PROXY", f"http{'s' if encrypted else ''}://me:secret@127.0.0.1:{proxy.port}")
    url = f"https://vendor.invalid:{server.port}"

    async def test() -> None:
        transport = H11Transport(url, ca_bundle=authority_file())
        for _ in range(3):
            assert (await ask(transport, url)).body == b'{"ok": 1}'
        await transport.close()

    run(test)
    (head,) = tunnels.requests
    assert head.startswith(f"CONNECT vendor.invalid:{server.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head
    assert all("proxy-authorization" not in each.headers for each in server.log)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "proxy"),
        (b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n", "proxy_auth"),
        (b"garbage\r\n\r\n", "proxy"),
        (b"", "proxy"),
        (b"HTTP/1.1 200 OK\r\n\r\nand more", "tls"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_named(
    run: Callable[[Test], None], serve: Any, monkeypatch: pytest.MonkeyPatch, said: bytes, kind: str
) -> None:
    def refuse(connection: Connection) -> None:
        connection.read()
        connection.write(said)

    proxy = serve(refuse)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    async def test() -> None:
        transport = H11Transport("https://vendor.invalid", ca_bundle=authority_file())
        failure = await expect_failure(transport, "https://vendor.invalid")
        assert failure.kind == kind
        assert not failure.delivered
        await transport.close()

    run(test)


@pytest.mark.parametrize("after", range(0, 40, 3))
def test_a_call_that_is_cancelled_in_any_turn_of_the_loop_leaves_nothing(
    run: Callable[[Test], None], serve: Any, after: int
) -> None:
    server = over_tls(serve, answer_in_turn(http()))

    async def test() -> None:
        transport = H11Transport(server.url, ca_bundle=authority_file(), connections=1)
        call = asyncio.create_task(ask(transport, server.url))
        for _ in range(after):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert (await ask(transport, server.url)).status == 200
        assert transport._pool is not None
        assert transport._pool._free_slots == 1
        assert not transport._pool._attempts
        await transport.close()

    run(test)


def test_what_is_left_of_a_loop_that_has_ended_is_closed_without_a_warning(serve: Any) -> None:
    server = serve(answer_in_turn(http()))
    transport = H11Transport(server.url)
    asyncio.run(_once(transport, server.url))
    assert transport._pool is not None
    (connection,) = transport._pool._idle
    asyncio.run(transport.close())
    assert connection.socket.fileno() == -1
    # asyncio would warn of it as it is collected: here, and not in another test.
    del transport, connection
    gc.collect()


async def _once(transport: H11Transport, url: str) -> None:
    await ask(transport, url)
