"""What `unichat call --include` shows of each response: its status, its headers without secrets, and its time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TypeVar

from unichat._text.printable import shorten
from unichat.adapter import Operation, Reply, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.cli import output
from unichat.client.sync_client import Client
from unichat.transport.base import Deadline, HttpRequest, OpenReply, Transport, TransportFailure

_SECRET = re.compile(r"(^|-)(cookie2?|token|secret|api-?key|authorization|password|session(-id)?)$")
"""Headers whose values are secrets, of any vendor."""
_LONGEST = 1_000

R = TypeVar("R", Reply, OpenReply)


def show_heads(client: Client, operation: Operation[object] | StreamOperation[object]) -> Client:
    """Return a client that prints the head of each response to this operation on standard error, as it comes."""
    return client._with_transport(_HeadPrinter(client, operation))


class _HeadPrinter:
    """A transport that prints what another one is answered."""

    def __init__(self, client: Client, operation: Operation[object] | StreamOperation[object]) -> None:
        self._transport: Transport = client._transport
        self._context = client._context
        self._request = operation.request

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send as the other transport does. The time is that until the whole answer was there."""
        began = time.monotonic()
        return self._show(request, self._transport.send(request, deadline, limit=limit), began)

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Open as the other transport does. The time is that until the answer began."""
        began = time.monotonic()
        return self._show(request, self._transport.open(request, deadline, idle_timeout=idle_timeout), began)

    def close(self) -> None:
        """Close the other transport."""
        self._transport.close()

    def _show(self, request: HttpRequest, reply: R | TransportFailure, began: float) -> R | TransportFailure:
        # Not the answer to a request for a token, which is a call of its own.
        is_own = request.method == self._request.method and request.path == self._request.path
        if is_own and not isinstance(reply, TransportFailure):
            output.print_note("\n".join(self._lines(request, reply.status, reply.headers, time.monotonic() - began)))
        return reply

    def _lines(self, request: HttpRequest, status: int, headers: Mapping[str, str], seconds: float) -> Iterator[str]:
        own = {"accept", "content-type", *(name.lower() for name, _ in self._request.headers)}
        signatures = [Signature(name, value) for name, value in request.headers.items() if name.lower() not in own]
        redact = self._context.redaction(tuple(signatures))
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        yield f"HTTP {status} {phrase}".rstrip()
        for name, value in headers.items():
            if name == "location":
                # The query of a redirect may hold what was asked, or what signs in.
                value = value.partition("?")[0] + ("?***" if "?" in value else "")
            yield f"{name}: {'***' if _SECRET.search(name) else shorten(redact(value), _LONGEST)}"
        yield f"time: {seconds:.3f} s"
