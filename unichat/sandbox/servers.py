"""Serves apps over HTTP on loopback: one port each, all in one background thread."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from unichat.sandbox.errors import SandboxError
from unichat.sandbox.faulty_app import FaultyProtocol

HOST = "127.0.0.1"
_START_SECONDS = 10
_CLOSE_SECONDS = 5


class PortError(OSError, SandboxError):
    """A port cannot be listened on; `errno` says why, as for any `OSError`."""


def listen(port: int, purpose: str) -> socket.socket:
    """Return a socket that is bound to `port` of 127.0.0.1 (0: any free one).

    Raises:
        PortError: The port is taken, or not allowed.
    """
    if not 0 <= port <= 65535:
        raise PortError(errno.EINVAL, f"port {port} for {purpose} is not between 0 and 65535")
    # Without the protocol, asyncio does not set TCP_NODELAY: each answer on a reused connection would wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # pragma: no branch
        # Without it, a port stays taken for a minute after a restart. On Windows, it would allow two servers on a port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        # With that option, two sockets can be bound to one port, but only one can listen: find out now.
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise PortError(error.errno, f"port {port} for {purpose} {reason}; choose another, or 0 for any") from error
    return listener


class Servers:
    """Servers for apps, each on its own listening socket. They accept requests from `start` to `stop`."""

    def __init__(self, apps: Mapping[socket.socket, ASGIApp]) -> None:
        self._sockets = list(apps)
        self._servers = [_make_server(app) for app in apps.values()]
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="unichat-sandbox", daemon=True)

    def start(self) -> None:
        """Start the thread; return when all servers accept requests."""
        self._thread.start()
        if not self._started.wait(_START_SECONDS) or self._loop is None:
            raise SandboxError(f"the sandbox's servers did not start within {_START_SECONDS} seconds; try again")

    def stop(self) -> None:
        """Cut what is still open, such as streams, and end the thread. It can be stopped twice."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, self._sockets, strict=True)
        ]
        while not all(server.started for server in self._servers):
            await asyncio.sleep(0.001)
        self._started.set()
        await self._stop.wait()
        for server in self._servers:
            server.should_exit = True
            # A stream may be open for minutes, and an idle connection forever: do not wait for either.
            for connection in list(server.server_state.connections):
                connection.transport.abort()
        await asyncio.gather(*tasks)


def _make_server(app: ASGIApp) -> uvicorn.Server:
    # By h11 rather than "auto": the sandbox should not behave differently where httptools happens to be installed.
    config = uvicorn.Config(
        app,
        http=FaultyProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
