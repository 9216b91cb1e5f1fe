"""TCP servers on loopback that do, connection by connection, what a test tells them."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from attrs import field, frozen

CERTIFICATE = Path(__file__).with_name("loopback.pem")
PATIENCE = 20.0
"""Seconds after which a server gives up on its peer: never reached where all is well."""


@frozen
class Received:
    """A request as it came over the wire."""

    connection: int
    head: bytes
    body: bytes = field(repr=False)

    @property
    def line(self) -> str:
        return self.head.partition(b"\r\n")[0].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.lower(): value.strip() for name, _, value in pairs}


class Connection:
    """One accepted connection."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self._buffer = b""

    def receive(self) -> Received | None:
        """Read one request; None if the peer closed instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        length = int(Received(0, head, b"").headers.get("content-length", "0"))
        while len(self._buffer) < length:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        received = Received(self.number, head, body)
        self.server.requests.append(received)
        return received

    def _more(self) -> bool:
        data = self.sock.recv(65_536)
        self._buffer += data
        return bool(data)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def closed_by_peer(self) -> None:
        """Wait until the peer closes."""
        while self.sock.recv(65_536):
            pass


Script = Callable[[Connection], Any]


class Server:
    """Treats its first connection by the first script, and so on; the last script serves all that come after."""

    def __init__(self, *scripts: Script, tls: bool = False) -> None:
        self._scripts = scripts
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.requests: list[Received] = []
        self.connections = 0
        self.failures: list[BaseException] = []
        self._closing = False
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._closing:
                sock.close()
                return
            sock.settimeout(PATIENCE)
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            self._scripts[min(number, len(self._scripts)) - 1](Connection(self, sock, number))
        except OSError:
            # The peer went away, as many tests want it to.
            pass
        except BaseException as error:
            self.failures.append(error)
        finally:
            sock.close()

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        self._threads[0].join(PATIENCE)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def http(status: int | str = 200, body: bytes = b'{"ok": 1}', *headers: str, length: int | None = -1) -> bytes:
    """An HTTP answer; `length=None` leaves Content-Length out."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", content_type: str = "application/json") -> bytes:
    """A chunked HTTP answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def answering(*answers: bytes) -> Script:
    """Give one answer after the other, the last one again and again, on a connection that is kept alive."""

    def script(connection: Connection) -> None:
        number = 0
        while connection.receive():
            connection.send(answers[min(number, len(answers) - 1)])
            number += 1

    return script


def closing_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and close."""

    def script(connection: Connection) -> None:
        connection.receive()
        for part in parts:
            connection.send(part)

    return script


def resetting_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and reset."""

    def script(connection: Connection) -> None:
        connection.receive()
        for part in parts:
            connection.send(part)
        connection.reset()

    return script


def silent(connection: Connection) -> None:
    """Read a request and say nothing until the peer gives up."""
    connection.receive()
    connection.closed_by_peer()


def stalling_after(*parts: bytes) -> Script:
    """Read a request, send what there is to send, and say nothing more."""

    def script(connection: Connection) -> None:
        connection.receive()
        for part in parts:
            connection.send(part)
        connection.closed_by_peer()

    return script


def dripping(head: bytes, drop: bytes) -> Script:
    """Read a request, send the head, and then a drop every now and then until the peer gives up."""

    def script(connection: Connection) -> None:
        connection.receive()
        connection.send(head)
        pause = threading.Event()
        # At most: a client that never gives up must not hold the test for ever.
        for _ in range(400):
            connection.send(drop)
            pause.wait(0.01)
        connection.server.failures.append(AssertionError("nobody stopped the drip"))

    return script
