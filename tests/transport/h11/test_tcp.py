"""Addresses are tried in turn, the first that answers wins, and no other socket is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.oracles import open_sockets
from tests.transport.h11.fakes import run, turns
from unichat.transport.h11 import tcp
from unichat.transport.h11.tcp import open_socket

HANGS, REFUSES, ANSWERS = "hangs", "refuses", "answers"


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def addresses(port: int, *which: str) -> list[Any]:
    """What a resolver would give; a port of 1 or 2 stands for what happens there."""
    ports = {HANGS: 1, REFUSES: 2, ANSWERS: port}
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", ports[each])) for each in which]


@pytest.fixture
def fake_network(monkeypatch: pytest.MonkeyPatch, port: int) -> Any:
    """Says what a name resolves to, and what happens at each address."""
    monkeypatch.setattr(tcp, "_HEAD_START", 0.001)

    def resolve(*which: str) -> None:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
            return addresses(port, *which)

        async def sock_connect(sock: socket.socket, address: Any) -> None:
            if address[1] == 1:
                await asyncio.sleep(60)
            if address[1] == 2:
                raise ConnectionRefusedError(111, "refused")
            await connect(sock, address)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "sock_connect", sock_connect)

    return resolve


@pytest.mark.parametrize(
    "which",
    [
        (ANSWERS,),
        (REFUSES, ANSWERS),
        (HANGS, ANSWERS),
        (HANGS, REFUSES, HANGS, ANSWERS),
        (ANSWERS, HANGS),
        (ANSWERS, ANSWERS, ANSWERS),
    ],
)
def test_the_first_address_that_answers_is_connected_to(fake_network: Any, port: int, which: tuple[str, ...]) -> None:
    async def test() -> None:
        fake_network(*which)
        before = open_sockets()
        with await open_socket("name.invalid", 1) as opened:
            assert opened.getpeername()[1] == port
            await turns()
            assert len(open_sockets() - before) == 1
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(test())


def test_where_no_address_answers_the_last_error_is_raised(fake_network: Any) -> None:
    async def test() -> None:
        fake_network(REFUSES, REFUSES)
        before = open_sockets()
        with pytest.raises(ConnectionRefusedError):
            await open_socket("name.invalid", 1)
        assert open_sockets() == before

    run(test())


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("which", [(HANGS,), (HANGS, HANGS), (ANSWERS, ANSWERS)])
def test_a_race_that_is_cancelled_at_any_moment_leaves_nothing(
    fake_network: Any, after: int, which: tuple[str]
) -> None:
    async def test() -> None:
        fake_network(*which)
        before = open_sockets()
        task = asyncio.create_task(open_socket("name.invalid", 1))
        await turns(after)
        task.cancel()
        (opened,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(opened, socket.socket):
            opened.close()
        await turns()
        assert open_sockets() == before

    run(test())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_resolver(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", None)
        try:
            listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError:
            pytest.skip("this machine has no such address")
        with listener, await open_socket(host, listener.getsockname()[1]) as opened:
            assert opened.getpeername()[0] == host

    run(test())


def test_families_take_turns() -> None:
    four, six = (socket.AF_INET, 1, 6, "4"), (socket.AF_INET6, 1, 6, "6")
    assert tcp._interleave([six, six, six, four]) == [six, four, six, six]
    assert tcp._interleave([four, four]) == [four, four]
