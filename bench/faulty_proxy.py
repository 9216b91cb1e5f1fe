"""A TCP proxy that spoils a share of the requests that pass it, for `load.py`."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable

from tests.faults.server import Connection, FaultServer, Gone
from tests.faults.vendors import as_json

_STARTS = (b"GET ", b"POST ")
_BUSY = as_json({"detail": "busy"}, 503, connection="close")


class FaultyProxy:
    """Passes connections on to `port`, and spoils one request in `1 / share`.

    Attributes:
        spoilt: how often each fault was made.
        passed: how many requests went by.
    """

    def __init__(self, port: int, share: float, seed: int = 4) -> None:
        self.spoilt: Counter[str] = Counter()
        self.passed = 0
        self._port = port
        self._share = share
        self._dice = random.Random(seed)
        self._guard = threading.Lock()
        self._server = FaultServer(lambda _: b"", (self._pass,))
        self.url = self._server.url

    def _luck(self) -> str:
        """What becomes of the next request; empty for nothing."""
        with self._guard:
            self.passed += 1
            fault = self._dice.choice(_FAULTS) if self._dice.random() < self._share else ""
            self.spoilt[fault] += bool(fault)
            return fault

    def _pass(self, connection: Connection) -> bool:
        with socket.create_connection(("127.0.0.1", self._port)) as vendor, selectors.DefaultSelector() as selector:
            client = connection.socket
            selector.register(client, selectors.EVENT_READ, None)
            selector.register(vendor, selectors.EVENT_READ, None)
            fault = ""
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if client in ready:
                    data = connection.receive()
                    if data.startswith(_STARTS):
                        fault = self._luck()
                    if fault == "reset before":
                        connection.reset()
                        return False
                    if fault == "busy":
                        connection.write(_BUSY)
                        return False
                    vendor.sendall(data)
                if vendor in ready:
                    data = vendor.recv(65_536)
                    if not data:
                        raise Gone
                    if fault and not _SPOIL[fault](connection, data):
                        return False
                    if not fault:
                        connection.write(data)
                    fault = ""

    def close(self) -> None:
        """End all connections."""
        self._server.close()


def _reset(connection: Connection, _: bytes) -> bool:
    connection.reset()
    return False


def _cut(connection: Connection, data: bytes) -> bool:
    with contextlib.suppress(Gone):
        connection.write(data[: len(data) // 2])
    return False


def _early(connection: Connection, data: bytes) -> bool:
    connection.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + data)
    return True


_SPOIL: dict[str, Callable[[Connection, bytes], bool]] = {"reset after": _reset, "cut": _cut, "103 first": _early}
_FAULTS = ("reset before", "busy", *_SPOIL)
