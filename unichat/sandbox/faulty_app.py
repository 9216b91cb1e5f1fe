"""Does a fault to the connection of one request: a status, half an answer, a reset, silence, as its name says.

What a fault makes of the vendor's good answer is its own `outcome`, which the canned transports use as well. To break
the connection takes more than ASGI has: the connection's transport, which `FaultyProtocol` adds to the scope.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from unichat.adapter import Reply
from unichat.testing.answers import CannedReply, CannedStream, Silence, as_stream
from unichat.testing.faults import Fault
from unichat.transport.base import TransportFailure

_TRANSPORT = "unichat.transport"
_RESETS = frozenset({"reset_after_send", "reset_in_body"})
"""The faults that end in a reset; the others that break a connection close it."""
_NO_ANSWER = Reply(200, {}, b"")


class FaultyProtocol(H11Protocol):
    """A connection whose transport the app can reach, to break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the transport in the scope of each request."""
        super().connection_made(transport)
        app: Any = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, _TRANSPORT: transport}, receive, send)

        self.app = with_transport


async def serve_fault(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request with a fault. The vendor does what the request asks for only if its answer is begun."""
    transport: asyncio.Transport = scope[_TRANSPORT]
    good = await _call(app, scope, receive) if fault.answered else _NO_ANSWER
    outcome = fault.outcome(good)
    if fault.name == "interim":
        transport.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    if isinstance(outcome, Reply | CannedStream):
        await _send_answer(as_stream(outcome), fault, transport, receive, send)
    elif isinstance(outcome, TransportFailure):
        await _BREAKS[outcome.kind](fault, transport, receive, send)
    else:
        await _wait_for_end(receive)


async def _call(app: ASGIApp, scope: Scope, receive: Receive) -> CannedReply:
    """Return the good answer of the vendor."""
    head: Message = {}
    chunks: list[bytes] = []

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        elif message.get("body"):
            chunks.append(message["body"])

    await app(scope, receive, take)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head["headers"]}
    return CannedStream(chunks, head["status"], headers)


async def _send_answer(
    answer: CannedStream, fault: Fault, transport: asyncio.Transport, receive: Receive, send: Send
) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for chunk in answer.chunks:
        if isinstance(chunk, bytes):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        elif isinstance(chunk, Silence):
            await _wait_for_end(receive)
            return
        else:
            await _break(fault, transport, receive, send)
            return
    await send({"type": "http.response.body", "body": b""})


async def _break(fault: Fault, transport: asyncio.Transport, receive: Receive, _: Send) -> None:
    """Close the connection, or reset it; what was sent before arrives."""
    if fault.name in _RESETS:
        while transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await _wait_for_end(receive)


async def _speak_another_protocol(fault: Fault, transport: asyncio.Transport, receive: Receive, send: Send) -> None:
    transport.write(b"220 mail.example ESMTP ready\r\n")
    await _break(fault, transport, receive, send)


async def _send_without_end(_: Fault, transport: asyncio.Transport, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    piece = b" " * 65_536
    while not transport.is_closing():
        await send({"type": "http.response.body", "body": piece, "more_body": True})


_BREAKS: dict[str, Callable[[Fault, asyncio.Transport, Receive, Send], Awaitable[None]]] = {
    "reset": _break,
    "closed": _break,
    "head": _speak_another_protocol,
    "too_large": _send_without_end,
}
"""What is done for each failure that a connection can show."""


async def _wait_for_end(receive: Receive) -> None:
    """Return when the client has gone, or the sandbox stops."""
    while (await receive())["type"] != "http.disconnect":
        pass
