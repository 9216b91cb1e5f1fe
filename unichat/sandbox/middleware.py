"""The ASGI app around every simulator: it records requests, limits their bodies, does faults, and serves pages."""

from __future__ import annotations

import logging

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unichat.sandbox.faulty_app import serve_fault
from unichat.sandbox.pages import PREFIX, render_page
from unichat.sandbox.seen_requests import redact_request
from unichat.sandbox.simulator import Simulator

BODY_LIMIT = 5_000_000
"""Limit of a request body in bytes; a longer one is answered with 413."""

_log = logging.getLogger("unichat.sandbox")


class SandboxMiddleware:
    """The ASGI app that a server runs for one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._app: ASGIApp = simulator.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        simulator = self._simulator
        if scope["path"].startswith(PREFIX) and scope["method"] in ("GET", "HEAD"):
            await render_page(simulator.manual, scope["path"])(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            await PlainTextResponse("Request body too large", 413, {"connection": "close"})(scope, receive, send)
            return
        method, query, headers = scope["method"], scope["query_string"], scope["headers"]
        simulator.requests.append(redact_request(method, scope["raw_path"], query, headers, body, simulator.secrets()))
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return messages.pop() if messages else await receive()

        fault = simulator.faults.take()
        try:
            if fault is not None:
                await serve_fault(fault, self._app, scope, receive_again, send)
                return
            await self._app(scope, receive_again, send)
        except Exception:
            # A bug in the simulator, which has been answered with a 500: the log shows the user where it is.
            _log.exception("the simulator of %s failed at %s %s", simulator.name, method, scope["path"])


async def _read_body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return bytes(body)
