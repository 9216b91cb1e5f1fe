"""A server on loopback that misbehaves on purpose: a script of faults, and a log of what arrived."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import unquote_plus

from attrs import define

NONCE = re.compile(r"5eed[0-9a-f]{4}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")
"""Every question carries one of these: a UUID, so that it can also be the id of a thread."""


@define
class Received:
    """One request, as it arrived on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def nonce(self) -> str:
        found = NONCE.search(unquote_plus(self.target) + self.body.decode("utf-8", "replace"))
        return found[0] if found else ""


class Gone(Exception):
    """The client has closed the connection, or the server is closing."""


@define(eq=False)
class Connection:
    """One accepted connection. A fault is a function of it, and returns whether the connection stays open."""

    server: FaultServer
    socket: socket.socket
    number: int
    _buffer: bytes = b""

    def receive(self) -> bytes:
        """What has come; at least one byte, or `Gone`."""
        try:
            data = self.socket.recv(65_536)
        except OSError:
            data = b""
        if not data:
            raise Gone
        return data

    def read(self) -> Received:
        """The next whole request. It is counted as soon as it is whole."""
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self.receive()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        # A plain proxy is sent the whole address.
        target = re.sub(r"^http://[^/]*", "", target)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self.receive()
        self._buffer = rest[length:]
        received = Received(method, target, headers, rest[:length], self.number)
        self.server.note(received)
        return received

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

    def good(self, received: Received) -> bytes:
        """The whole good answer to a request, head and body, as the vendor would give it."""
        return self.server.vendor(received)

    def pause(self, seconds: float) -> None:
        """Let time pass, where a deadline is measured; no longer than the server lives."""
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
        with contextlib.suppress(OSError):
            self.socket.close()


Fault = Callable[[Connection], bool]
Vendor = Callable[[Received], bytes]


class FaultServer:
    """Serves one script: a fault for each attempt in turn, and the last one for all that follow.

    An attempt begins with a new connection, or with the next request on one that was kept.

    Attributes:
        log: the requests that arrived, in order.
        seen: how often each nonce arrived.
        accepted: how many connections were accepted.
        most_open: how many connections were open at a time.
        elsewhere: the port of another server, for redirects.
    """

    def __init__(
        self,
        vendor: Vendor,
        script: Sequence[Fault],
        *,
        tls: ssl.SSLContext | None = None,
        listening: bool = True,
        port: int = 0,
    ) -> None:
        self.vendor = vendor
        self.tls = tls
        self.log: list[Received] = []
        self.accepted = 0
        self.most_open = 0
        self.seen: Counter[str] = Counter()
        self.elsewhere = 0
        self.closing = threading.Event()
        self._script = list(script)
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
        return f"{'http' if self.tls is None else 'https'}://{self.host}:{self.port}"

    def listen(self, backlog: int = 512) -> None:
        """Begin to accept: until then, connections are refused."""
        self._listener.listen(backlog)
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: object) -> None:
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

    def _next_fault(self) -> Fault:
        with self._guard:
            self._steps += 1
            return self._script[min(self._steps, len(self._script)) - 1]

    def _serve(self, connection: Connection, fault: Fault) -> None:
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

    def note(self, received: Received) -> None:
        with self._guard:
            self.log.append(received)
            if received.nonce:
                self.seen[received.nonce] += 1

    @property
    def open_connections(self) -> int:
        with self._guard:
            return len(self._open)

    def settle(self, left: int = 0, seconds: float = 30.0) -> None:
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
                thread.join(30)

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
