"""The fault server, as somebody's tests of a bot use it."""

from __future__ import annotations

import socket

import pytest

from tests.pace import wait_until
from tests.testing.vendor import KAPA, outcome, vendor
from unichat.testing import Connection, FaultServer, connect, json_answer


def test_faults_come_in_turn_and_the_last_one_stays() -> None:
    with FaultServer(vendor, ["503", "good"]) as server, connect("kapa", base_url=server.url, **KAPA) as bot:
        assert [outcome(bot, "chat") for _ in range(3)] == ["Yes."] * 3
        assert [request.headers["x-api-key"] for request in server.log] == ["key"] * 4
        assert server.accepted == 1


def test_a_fault_of_ones_own_is_a_function_of_a_connection() -> None:
    def odd(connection: Connection) -> bool:
        request = connection.read()
        assert request.method == "POST"
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return True

    with FaultServer(faults=[odd]) as server, connect("kapa", base_url=server.url, attempts=1, **KAPA) as bot:
        assert outcome(bot, "chat")[0] == "InvalidResponse"


def test_without_a_vendor_each_request_gets_an_empty_object() -> None:
    with FaultServer() as server, socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert client.recv(1000).endswith(b"\r\n\r\n{}")


def test_connections_are_refused_until_it_listens() -> None:
    with (
        FaultServer(vendor, listening=False) as server,
        connect("kapa", base_url=server.url, attempts=1, **KAPA) as bot,
    ):
        assert outcome(bot, "chat")[:2] == ("ConnectionFailed", "refused")
        server.listen()
        assert outcome(bot, "chat") == "Yes."


def test_a_vendor_may_give_the_bytes_as_they_go_over_the_wire() -> None:
    with (
        FaultServer(lambda _: b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n") as server,
        socket.create_connection((server.host, server.port)) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 299 Odd")


def test_closing_ends_connections_and_closing_twice_is_fine() -> None:
    server = FaultServer(lambda _: json_answer({}), ["silence"])
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        wait_until(lambda: server.log)
        server.close()
        server.close()
        assert client.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((server.host, server.port))
