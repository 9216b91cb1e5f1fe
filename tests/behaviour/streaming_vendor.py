"""A vendor that streams server-sent events, with its adapter, over HTTP on loopback: what it sends is scripted.

Data is JSON: `{"text": …}`, `{"whole": …}` (replaces), `{"id": …}`, `{"error": …, "status": …, "code": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen

from tests.blocking import BlockingClient
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import as_json, http
from unichat.adapter import (
    Backend,
    Capabilities,
    CommonSettings,
    Credential,
    Endpoints,
    ErrorResponse,
    Fields,
    Flow,
    Operation,
    Replay,
    Reply,
    Request,
    Secret,
    ServerSentEvents,
    StreamFailure,
    StreamOperation,
    ask,
    open_stream,
)
from unichat.connecting import async_client_for, client_for
from unichat.models import Answer, StreamEvent, ThreadRef
from unichat.transport.base import REAL_TIME, Clock

KEY = "sentinel-key-0123456789"
STREAM = {"content_type": "text/event-stream"}


class Decoder(ServerSentEvents):
    def on_record(self, record: Any) -> StreamEvent | None:
        if record.event == "ping":
            return None
        row = Fields(record.json())
        if "error" in row.raw:
            status = row.integer("status")
            if status is None:
                raise StreamFailure("vendor", row.require_text("error"))
            raise StreamFailure(ErrorResponse(status=status, message=row.require_text("error"), code=row.text("code")))
        self.answer_id = row.id("id") or self.answer_id
        self.thread = ThreadRef("acme", "t-1")
        whole = row.text("whole")
        text = row.text("text") or "" if whole is None else whole
        return StreamEvent(type="text", text=text, raw=row.raw, replaces=whole is not None)


def detect_error(answer: Reply) -> ErrorResponse | None:
    return None if 200 <= answer.status < 300 else ErrorResponse(status=answer.status)


def stream_operation(question: str = "?", decoder: Any = Decoder, replay: Replay = Replay.ASK) -> StreamOperation[Any]:
    return StreamOperation(
        backend="acme",
        name="chat_streamed",
        replay=replay,
        request=Request("POST", "/stream", body=json.dumps({"question": question}).encode()),
        detect_error=detect_error,
        decoder=decoder,
    )


def operation(path: str = "/state", replay: Replay = Replay.UPSERT, **body: Any) -> Operation[Any]:
    return Operation(
        backend="acme",
        name=path.strip("/"),
        replay=replay,
        request=Request("POST", path, body=json.dumps(body).encode()),
        detect_error=detect_error,
        parse=lambda answer: answer.json(),
    )


@frozen(kw_only=True)
class Settings(CommonSettings):
    """Settings of the backend `acme`."""


@define
class Adapter:
    """Its streams are flows of the test's own; a whole question takes the same lock."""

    settings: Settings
    streaming: Callable[[Any], Flow[Any]]
    chatting: Callable[[Any], Flow[Any]]

    capabilities = Capabilities(
        **dict.fromkeys(
            ("streaming", "clear_history", "parallel_threads", "history_by_thread", "history_by_user", "sources",
             "uncertainty", "timestamps", "metadata", "user_details", "feedback_comment_on_up"), True
        ),
        feedback_needs_user=False,
    )  # fmt: skip
    credential = Credential("X-Token", "", Secret(KEY))

    def stream(self, call: Any) -> Flow[Any]:
        return self.streaming(call)

    def chat(self, call: Any) -> Flow[Any]:
        return self.chatting(call)

    def probes(self) -> tuple[()]:
        return ()


def answer_of(row: Any) -> Answer:
    return Answer(text=row["text"], thread=ThreadRef("acme", "t-1"))


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
        chat: Callable[[Any], Flow[Any]] = lambda call: ask(operation("/ask").map(answer_of)),
        **policy: Any,
    ) -> Any:
        """A client over the driver, whose waits between attempts take no time."""
        backend = Backend(
            name="acme",
            title="Acme",
            settings=Settings,
            build=lambda settings: Adapter(settings, stream, chat),
            endpoints=Endpoints("acme", detect_error),
            identity="bot",
        )
        settings = Settings(base_url=self.server.url, **policy)
        if self.loop is None:
            client: Any = client_for(backend, settings, clock=Clock(sleep=self.slept.append))
        else:

            async def sleep(seconds: float) -> None:
                self.slept.append(seconds)

            async def connect() -> Any:
                return async_client_for(backend, settings, clock=Clock(REAL_TIME.monotonic, sleep))

            client = BlockingClient(self.loop, self.loop.run(connect()))
        self.clients.append(client)
        return client


@contextmanager
def serving(loop: Any, *script: Fault) -> Iterator[Vendor]:
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
