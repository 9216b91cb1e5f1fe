"""What servers on loopback do with a connection, as `unichat.testing.FaultServer` takes it."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unichat.testing import Connection, FaultServer

CERTIFICATE = Path(__file__).with_name("loopback.pem")

Script = Callable[[Connection], Any]
"""Serves one connection. It is the first script for the first connection, and so on; the last one stays."""


def start_server(*scripts: Script, tls: bool | ssl.SSLContext = False) -> FaultServer:
    """Start a server, with the certificate of these tests unless it is given another to speak TLS with."""
    context = tls if isinstance(tls, ssl.SSLContext) else None
    if tls is True:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    return FaultServer(faults=scripts, tls=context)


def http(status: int | str = 200, body: bytes = b'{"ok": 1}', *headers: str, length: int | None = -1) -> bytes:
    """An HTTP answer; `length=None` leaves Content-Length out."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encode_chunks(
    *chunks: bytes, end: bytes = b"0\r\n\r\n", content_type: str = "application/json", status: int = 200
) -> bytes:
    """A chunked HTTP answer."""
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def answer_in_turn(*answers: bytes) -> Script:
    """Give one answer after the other, the last one again and again, on a connection that is kept alive."""

    def script(connection: Connection) -> None:
        for number in itertools.count():
            connection.read()
            connection.write(answers[min(number, len(answers) - 1)])

    return script


def close_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and close."""

    def script(connection: Connection) -> None:
        connection.read()
        for part in parts:
            connection.write(part)

    return script


def reset_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and reset."""

    def script(connection: Connection) -> None:
        connection.read()
        for part in parts:
            connection.write(part)
        connection.reset()

    return script


def silent(connection: Connection) -> None:
    """Read a request and say nothing until the peer gives up."""
    connection.read()
    connection.wait()


def stall_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and say nothing more."""

    def script(connection: Connection) -> None:
        connection.read()
        for part in parts:
            connection.write(part)
        connection.wait()

    return script


def drip(head: bytes, drop: bytes) -> Script:
    """Read a request, send the head, and then a drop every now and then until the peer gives up."""

    def script(connection: Connection) -> None:
        connection.read()
        connection.write(head)
        # At most: a client that never gives up must not hold the test for ever.
        for _ in range(400):
            connection.write(drop)
            connection.pause(0.01)
        raise AssertionError("nobody stopped the drip")

    return script
