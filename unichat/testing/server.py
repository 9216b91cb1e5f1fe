"""A server on loopback that misbehaves on purpose: faults in turn, and a log of what arrived."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from attrs import define, field

from unichat.adapter import Reply
from unichat.testing.answers import CannedReply, CannedStream, json_answer, resolve_bytes
from unichat.testing.faults import Fault, find_fault
from unichat.transport.base import HttpRequest

_LONG = 30.0
"""Seconds to wait for what is sure to happen."""


class Gone(Exception):
    """The client has closed the connection, or the server is closing."""


@define(eq=False)
class Connection:
    """One accepted connection. A fault is a function of it, and returns whether the connection stays open.

    Attributes:
        number: counted from 1, in the order in which the connections were accepted.
    """

    server: FaultServer
    socket: socket.socket
    number: int
    _buffer: bytes = field(default=b"", repr=False)

    def receive(self) -> bytes:
        """Return what has come: at least one byte, or `Gone`."""
        try:
            data = self.socket.recv(65_536)
        except OSError:
            data = b""
        if not data:
            raise Gone
        return data

    def read(self) -> HttpRequest:
        """Return the next whole request. It is in the server's log as soon as it is whole."""
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self.receive()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self.receive()
        self._buffer = rest[length:]
        return self.server.record(HttpRequest(method, self.server.url, target, headers, rest[:length]), self)

    def await_more(self) -> None:
        """Wait until the next request begins, or `Gone`."""
        if not self._buffer:
            self._buffer = self.receive()

    def write(self, data: bytes) -> None:
        """Send all of it, or `Gone`."""
        try:
            self.socket.sendall(data)
        except OSError:
            raise Gone from None

    def good(self, request: HttpRequest) -> bytes:
        """Return the vendor's good answer to a request, head and body, as it goes over the wire."""
        return serialize(self.server.vendor(request))

    def answer(self, answer: CannedReply) -> bool:
        """Read a request, give it this answer, and keep the connection."""
        self.read()
        self.write(serialize(answer))
        return True

    def stream_half(self) -> bool:
        """Read a request, send the first half of the good answer's chunks, and close."""
        answer = self.server.vendor(self.read())
        if isinstance(answer, bytes):
            self.write(answer[: len(answer) - len(answer.partition(b"\r\n\r\n")[2]) // 2])
            return False
        chunks = resolve_bytes(answer)
        half = chunks[: len(chunks) // 2] if len(chunks) > 1 else [chunk[: len(chunk) // 2] for chunk in chunks]
        self.write(serialize(CannedStream(half, answer.status, answer.headers)).removesuffix(b"0\r\n\r\n"))
        return False

    def pause(self, seconds: float) -> None:
        """Let time pass; no longer than the server lives."""
        if self.server.closing.wait(seconds):
            raise Gone

    def wait(self) -> None:
        """Say nothing until the client has gone."""
        while True:
            self.receive()

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close it. Closing twice is fine."""
        with contextlib.suppress(OSError):
            self.socket.close()


Serve = Callable[[Connection], bool]
Vendor = Callable[[HttpRequest], CannedReply | bytes]
"""The good answer to each request; bytes go over the wire as they are."""


def serialize(answer: CannedReply | bytes) -> bytes:
    """Return an answer as HTTP/1.1: a whole one with its length, a stream in chunks."""
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, Reply):
        return _head(answer, ("content-length", str(len(answer.body)))) + answer.body
    chunks = [chunk for chunk in resolve_bytes(answer) if chunk]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return _head(answer, ("transfer-encoding", "chunked")) + body + b"0\r\n\r\n"


def _head(answer: CannedReply, framing: tuple[str, str]) -> bytes:
    fields = [f"{name}: {value}" for name, value in (*answer.headers.items(), framing)]
    return "\r\n".join([f"HTTP/1.1 {answer.status} Status", *fields, "", ""]).encode("latin-1")


class FaultServer:
    """Answers as a vendor would, or by a fault: one for each request in turn, and the last one for all that follow.

    ```python
    with FaultServer(faults=["503", "reset_after_send", "good"]) as server:
        bot = unichat.connect("kapa", base_url=server.url, api_key="key", project_id=...)
    ```

    Args:
        vendor: the good answer to each request.
        faults: names (see `FAULTS`), faults, or functions of a connection that return whether it stays open.
        tls: to serve https.
        listening: whether to accept connections from the start; until `listen` is called, they are refused.
        port: on 127.0.0.1; 0 for one that is free.

    Attributes:
        log: the requests that arrived, in order.
        accepted: how many connections were accepted.
        most_open: how many connections were open at a time.
        closing: set when the server is closing.
    """

    def __init__(
        self,
        vendor: Vendor = lambda _: json_answer({}),
        faults: Sequence[str | Fault | Serve] = ("good",),
        *,
        tls: ssl.SSLContext | None = None,
        listening: bool = True,
        port: int = 0,
    ) -> None:
        self.vendor = vendor
        self.tls = tls
        self.log: list[HttpRequest] = []
        self.accepted = 0
        self.most_open = 0
        self.closing = threading.Event()
        self._script = [_serve(fault) for fault in faults]
        if _is_once(faults[-1]):
            # The last one stays, otherwise.
            self._script.append(_serve("good"))
        self._steps = 0
        self._guard = threading.Lock()
        self._open: set[Connection] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.host = "127.0.0.1"
        if listening:
            self.listen()

    @property
    def url(self) -> str:
        """What to give a client as its `base_url`."""
        return f"{'http' if self.tls is None else 'https'}://{self.host}:{self.port}"

    def listen(self, backlog: int = 512) -> None:
        """Begin to accept: until then, connections are refused."""
        self._listener.listen(backlog)
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._guard:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self.accepted += 1
                connection = Connection(self, accepted, self.accepted)
                self._open.add(connection)
                self.most_open = max(self.most_open, len(self._open))
            self._start(self._serve, connection, self._next_fault())

    def _next_fault(self) -> Serve:
        with self._guard:
            self._steps += 1
            return self._script[min(self._steps, len(self._script)) - 1]

    def _serve(self, connection: Connection, fault: Serve) -> None:
        try:
            if self.tls is not None:
                connection.socket = self.tls.wrap_socket(connection.socket, server_side=True)
            while fault(connection):
                connection.await_more()
                fault = self._next_fault()
        except (Gone, OSError):
            pass
        finally:
            connection.close()
            with self._guard:
                self._open.discard(connection)
                self._threads.remove(threading.current_thread())

    def record(self, request: HttpRequest, connection: Connection) -> HttpRequest:
        """Note a request that has arrived on a connection, and return it: a subclass may add to it."""
        with self._guard:
            self.log.append(request)
        return request

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        with self._guard:
            return len(self._open)

    def settle(self, left: int = 0, seconds: float = _LONG) -> None:
        """Wait until only so many connections are left on this side too."""
        until = time.monotonic() + seconds
        while self.open_connections > left and time.monotonic() < until:
            time.sleep(0.001)

    def close(self) -> None:
        """End all connections and threads. Closing twice is fine."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_LONG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_once(fault: str | Fault | Serve) -> bool:
    if isinstance(fault, str):
        fault = find_fault(fault)
    return isinstance(fault, Fault) and fault.once


def _serve(fault: str | Fault | Serve) -> Serve:
    if isinstance(fault, str):
        fault = find_fault(fault)
    if not isinstance(fault, Fault):
        return fault
    if fault.serve is None:
        raise ValueError(f"a server cannot do {fault.name!r}: {fault.wire}. Take a CannedTransport.")
    return fault.serve
