"""Makes connections: TCP, a proxy's tunnel, TLS; and names what fails on the way."""

from __future__ import annotations

import asyncio
import socket
import ssl

import h11

from unichat._interruptions import is_interruption
from unichat.transport.error_text import describe_error, is_exhaustion
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.progress import AttemptFailed, TaskProgress
from unichat.transport.h11.request_head import Address, connect_request
from unichat.transport.h11.tcp import open_socket

_BUFFER = 65_536
"""Bytes that are read at a time."""


class Connector:
    """Connects to one server, perhaps through a proxy.

    Args:
        proxy: the proxy, or None.
        tls: how to check who is spoken to over TLS; None where nobody is.
        connect_timeout: seconds for one connection, from its name's resolution to the end of the TLS handshake.
    """

    def __init__(
        self, server: Address, proxy: Address | None, tls: ssl.SSLContext | None, connect_timeout: float
    ) -> None:
        self._server = server
        self._proxy = proxy
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._buffer = memoryview(b"")

    async def connect(self, progress: TaskProgress) -> Connection:
        """Return a connection over which the server can be asked.

        Raises:
            AttemptFailed, AttemptStopped: there is none. All that was opened is closed.
        """
        progress.phase = "connecting"
        failure: AttemptFailed
        try:
            async with progress.time_limit(self._connect_timeout):
                return await self._connect(progress)
        except AttemptFailed as error:
            failure = error
        except (OSError, UnicodeError) as error:
            if is_interruption(error):
                raise
            failure = AttemptFailed(_kind(error), describe_error(error))
        # Not within the handler: the library's own exception would stay the failure's context.
        raise self._attribute(failure, progress.phase)

    def _attribute(self, failure: AttemptFailed, phase: str) -> AttemptFailed:
        """Return the failure under the kind of its cause: the network, the proxy, or the TLS handshake."""
        if failure.kind in ("certificate", "exhausted", "proxy_auth"):
            return failure
        if phase == "handshake":
            return AttemptFailed("tls", failure.detail)
        # The proxy's name, or the proxy: nobody has looked for the server yet.
        return AttemptFailed("proxy", failure.detail) if self._proxy is not None else failure

    async def _connect(self, progress: TaskProgress) -> Connection:
        server, proxy = self._server, self._proxy
        if proxy is None:
            return await self._open(server, progress if server.scheme == "https" else None)
        connection = await self._open(proxy, None)
        if server.scheme == "https":
            try:
                await self._open_tunnel(connection, proxy, progress)
            except BaseException:
                connection.abort()
                raise
        return connection

    async def _open(self, address: Address, progress: TaskProgress | None) -> Connection:
        """Connect, with TLS where the address says so; `progress` is told of a handshake, unless it is with a proxy."""
        opened = await open_socket(address.host, address.port)
        if progress is not None:
            progress.phase = "handshake"
        if not self._buffer:
            self._buffer = memoryview(bytearray(_BUFFER))
        connection = Connection(opened, self._buffer)
        is_encrypted = address.scheme == "https"
        # From here on the loop closes the socket where anything fails.
        await asyncio.get_running_loop().create_connection(
            lambda: connection,
            sock=opened,
            ssl=self._tls if is_encrypted else None,
            server_hostname=address.name if is_encrypted else None,
            ssl_handshake_timeout=self._connect_timeout if is_encrypted else None,
        )
        return connection

    async def _open_tunnel(self, connection: Connection, proxy: Address, progress: TaskProgress) -> None:
        """Have the proxy pass on what follows, and shake hands with the server behind it."""
        request = connect_request(self._server, proxy)
        connection.begin(progress, h11.Connection(h11.CLIENT).send(request))
        response = await connection.read_head()
        if not 200 <= response.status_code < 300:
            kind = "proxy_auth" if response.status_code == 407 else "proxy"
            raise AttemptFailed(kind, f"HTTP {response.status_code}")
        connection.finish()
        progress.phase = "handshake"
        if connection.has_surplus or not connection.is_silent():
            # Nobody speaks before the client in TLS; and over a connection that has ended already, asyncio would wait
            # for the handshake.
            raise ConnectionResetError
        assert self._tls is not None
        transport = await asyncio.get_running_loop().start_tls(
            connection.transport,
            connection,
            self._tls,
            server_hostname=self._server.name,
            ssl_handshake_timeout=self._connect_timeout,
        )
        if transport is None:
            raise ConnectionResetError
        connection.transport = transport


def _kind(error: Exception) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "dns"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "exhausted" if is_exhaustion(error) else "refused"
