"""HTTP/1.1 on asyncio: sends one request once, and gives back an answer or a failure, never an exception.

Proxies and authorities are found as the sync client finds them.
"""

from __future__ import annotations

from unichat.adapter import Reply
from unichat.adapter.addresses import normalize_url
from unichat.transport.base import Deadline, HttpRequest, TransportFailure, check_address
from unichat.transport.guard import check_host
from unichat.transport.h11.connecting import Connector
from unichat.transport.h11.pool import ConnectionPool
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress
from unichat.transport.h11.request_head import Address, RequestHeads
from unichat.transport.h11.response import HttpResponse
from unichat.transport.proxies import check_proxy, find_proxy, is_encrypted, name_proxy
from unichat.transport.tls import context_for

_PROXY_LOGIN = 407
_CONNECTIONS = 1_000
"""Connections unless told otherwise."""


class H11Transport:
    """Sends requests to one address over pooled connections, within one event loop: that of its first request.

    Redirects are never followed, cookies never kept, and nothing is ever sent a second time. Proxies and CA settings of
    the environment are honoured.

    Args:
        base_url: the address, and the beginning of the paths.
        connect_timeout: seconds for one connection: its name's resolution, TCP, a proxy's tunnel and TLS.
        ca_bundle: a file with the authorities to trust instead of the usual ones.
        connections: how many there may be at a time.

    Raises:
        ConfigError: the file of certificate authorities cannot be read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5.0,
        ca_bundle: str | None = None,
        connections: int | None = None,
    ) -> None:
        self._base_url = normalize_url(base_url).rstrip("/")
        self._proxy = found = find_proxy(self._base_url)
        self._refusal = check_proxy(found, ("http", "https"))
        server = Address(self._base_url)
        self._host = server.host
        proxy = Address(found.url) if found is not None and self._refusal is None else None
        tls = context_for(ca_bundle) if is_encrypted(self._base_url, None if found is None else found.url) else None
        # Of what is encrypted, a proxy sees nothing.
        self._heads = RequestHeads(server, proxy if server.scheme == "http" else None)
        self._connector = Connector(server, proxy, tls, connect_timeout)
        self._connections = connections or _CONNECTIONS
        self._pool: ConnectionPool | None = None

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send once and read the whole answer, of at most `limit` bytes after decompression."""
        if self._refusal is not None:
            return self._refusal
        pool = self._pool or self._open_pool()
        progress = TaskProgress(pool.loop, deadline)
        response: HttpResponse | None = None
        try:
            response = await self._exchange(request, pool, progress)
            return await response.read_whole(limit)
        except (AttemptFailed, AttemptStopped) as error:
            return name_proxy(progress.failure(error), self._proxy)
        finally:
            if response is not None:
                response.close()

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> HttpResponse | TransportFailure:
        """Send once and return when the head of the answer is there.

        Args:
            idle_timeout: seconds of waiting until `reset_idle_timeout` is called; then the failure is `stalled`.
        """
        if self._refusal is not None:
            return self._refusal
        pool = self._pool or self._open_pool()
        progress = TaskProgress(pool.loop, deadline, idle_timeout)
        try:
            return await self._exchange(request, pool, progress)
        except (AttemptFailed, AttemptStopped) as error:
            return name_proxy(progress.failure(error), self._proxy)

    async def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine, also after the event loop's end."""
        self._refusal = TransportFailure("cancelled", delivered=False, phase="connecting")
        if self._pool is None:
            return
        if self._pool.loop.is_closed():
            self._pool.close_sockets()
        else:
            await self._pool.close()

    def _open_pool(self) -> ConnectionPool:
        self._pool = ConnectionPool(self._connector.connect, self._connections)
        return self._pool

    async def _exchange(self, request: HttpRequest, pool: ConnectionPool, progress: TaskProgress) -> HttpResponse:
        """Send a request and return when the head of its answer is there, and good.

        Raises:
            AttemptFailed, AttemptStopped: there is none. Nothing is held any more.
        """
        check_address(request, self._base_url)
        head, body = self._heads.head(request), request.body or b""
        if progress.is_over():
            raise AttemptStopped
        check_host(self._host)
        connection = pool.try_acquire(progress) or await pool.acquire(progress)
        try:
            if progress.stopped:
                raise AttemptStopped
            progress.phase = "sending"
            connection.begin(progress, head, body)
            progress.phase, progress.delivered = "waiting", True
            response_head = await connection.read_head()
            if response_head.status_code == _PROXY_LOGIN and self._proxy is not None:
                raise AttemptFailed("proxy_auth", "HTTP 407")
            progress.phase = "body"
            return HttpResponse(response_head, connection, pool, progress, len(body))
        except BaseException:
            connection.finish()
            pool.release(progress, connection, reusable=False)
            raise
