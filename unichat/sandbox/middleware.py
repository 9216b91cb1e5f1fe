"""What stands before every simulator: requests are read whole, kept, and answered; the docs' pages are shown."""

from __future__ import annotations

import logging

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unichat.sandbox.pages import PREFIX, page
from unichat.sandbox.recording import seen
from unichat.sandbox.simulator import Simulator

BODY_LIMIT = 5_000_000
"""Bytes of the longest request body that is read; a longer one is answered with 413."""

_log = logging.getLogger("unichat.sandbox")


class Front:
    """The ASGI app that a server runs for one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._app: ASGIApp = simulator.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        simulator = self._simulator
        if scope["path"].startswith(PREFIX) and scope["method"] in ("GET", "HEAD"):
            await page(simulator.manual, scope["path"])(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            await PlainTextResponse("Request body too large", 413, {"connection": "close"})(scope, receive, send)
            return
        method, query, headers = scope["method"], scope["query_string"], scope["headers"]
        simulator.requests.append(seen(method, scope["raw_path"], query, headers, body, simulator.secrets()))
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return unread.pop() if unread else await receive()

        try:
            await self._app(scope, receive_again, send)
        except Exception:
            # The simulator's own fault, answered with a 500 by now: whoever runs the sandbox should see where it was.
            _log.exception("the simulator of %s failed at %s %s", simulator.name, method, scope["path"])


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return bytes(body)
