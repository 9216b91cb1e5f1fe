"""The server of the vendor in `own_vendor`: what it sends of a stream is scripted, over HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from tests.behaviour import own_vendor
from tests.behaviour.own_vendor import state_operation, stream_operation
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import as_json, http
from unichat.adapter import Flow, ask, open_stream
from unichat.models import Answer, ThreadRef
from unichat.transport.base import REAL_TIME, Clock

STREAM = {"content_type": "text/event-stream"}


def read_answer(row: Any) -> Answer:
    return Answer(text=row["text"], thread=ThreadRef("own", "t-1"))


@define
class Vendor:
    """The server, and what makes clients of it."""

    server: FaultServer
    loop: Any
    slept: list[float] = field(factory=list)
    clients: list[Any] = field(factory=list)

    @property
    def paths(self) -> list[str]:
        return [received.target for received in self.server.log]

    def client(
        self,
        stream: Callable[[Any], Flow[Any]] = lambda call: open_stream(stream_operation(call.question)),
        chat: Callable[[Any], Flow[Any]] = lambda call: ask(state_operation("/ask").map(read_answer)),
        **policy: Any,
    ) -> Any:
        """A client, sync or async, whose waits between attempts take no time."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        clock = Clock(sleep=self.slept.append) if self.loop is None else Clock(REAL_TIME.monotonic, sleep)
        made = own_vendor.make(self.loop, url=self.server.url, policy=policy, clock=clock, stream=stream, chat=chat)
        self.clients.append(made.client)
        return made.client


@contextmanager
def serve(loop: Any, *script: Fault) -> Iterator[Vendor]:
    """The vendor, which does one after the other; then the last again."""

    def whole(received: Any) -> bytes:
        return as_json({"text": "whole"})

    with FaultServer(whole, script) as server:
        vendor = Vendor(server, loop)
        yield vendor
        for client in vendor.clients:
            client.close()


def data(**row: Any) -> bytes:
    """One event."""
    return b"data: " + json.dumps(row).encode() + b"\n\n"


HELLO = (data(text="Hel"), data(text="lo"), data(id="a1"))
DONE = b"data: [DONE]\n\n"


def sends(*pieces: bytes | float, end: str = "proper", length: bool = False) -> Fault:
    """Send the pieces, each in a chunk; a number is a pause. Then end: `proper`, `open`, `cut`, or `reset`."""

    def fault(connection: Connection) -> bool:
        received = connection.read()
        if received.target != "/stream":
            connection.write(connection.good(received))
            return True
        framing: dict[str, str] = {"connection": "close"} if length else {"transfer_encoding": "chunked"}
        connection.write(http(200, b"", content_length="", **framing, **STREAM))
        for piece in pieces:
            if isinstance(piece, int | float):
                connection.pause(piece)
            else:
                connection.write(piece if length else b"%x\r\n%s\r\n" % (len(piece), piece))
        if end == "open":
            connection.wait()
        elif end == "reset":
            connection.reset()
        elif end == "proper" and not length:
            connection.write(b"0\r\n\r\n")
            return True
        return False

    return fault


def good(connection: Connection) -> bool:
    """Answer the stream well."""
    return sends(*HELLO, DONE)(connection)
