"""HTTP by `aiohttp`: sends one request once, and gives back an answer or a `Failure`, never an exception.

Three habits of aiohttp are undone here. Its session sends a GET again by itself when the connection drops, and one
vendor asks questions by GET. With `trust_env` it would add credentials from .netrc. And it knows neither
`REQUESTS_CA_BUNDLE` nor certifi, so that a profile would work with the sync client and fail with this one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from aiohttp import ClientError, ClientTimeout
from attrs import define, frozen

import unichat
from unichat.operation import Reply, Request
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure
from unichat.secrets import Signature
from unichat.transport.trust import context_for
from unichat.transport.words import plain

POOL_SIZE = 1_000
"""Connections at most."""
IDLE_LIFE = 4.0
"""Seconds that an idle connection is kept: common servers close theirs after 5, perhaps under a question."""


@define(eq=False)
class _Progress:
    """How far one attempt has come: `connecting`, `sending`, `waiting` or `body`; and whether bytes were written."""

    phase: str = "connecting"
    written: bool = False


@frozen(eq=False)
class AsyncOpenReply:
    """A good answer whose body is still to come. As `OpenReply`, with an asynchronous iterator."""

    status: int
    headers: dict[str, str]
    pieces: AsyncIterator[bytes | Failure]
    framed: bool
    close: Callable[[], None]
    heard: Callable[[float], None]


class AiohttpTransport:
    """Sends requests to one address over pooled connections, within one event loop.

    Redirects are never followed and cookies never kept. Proxies and CA settings of the environment are honoured.

    Raises:
        ConfigError: the file of certificate authorities cannot be read.
    """

    def __init__(self, base_url: str, *, connect_timeout: float = 5.0, ca_bundle: str | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = ClientTimeout(total=None, sock_connect=connect_timeout)
        self._tls = context_for(ca_bundle)
        self._proxy = _proxy_for(self._base_url)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def _open_session(self) -> aiohttp.ClientSession:
        # Made with the first request, since aiohttp ties it to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_SIZE, keepalive_timeout=IDLE_LIFE, ssl=self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                headers={"User-Agent": f"unichat/{unichat.__version__}"},
                trace_configs=[_tracing()],
                auto_decompress=True,
                trust_env=False,
            )
            # Private, and the only switch there is: without it a dropped connection repeats a question asked by GET.
            assert self._session._retry_connection is True
            self._session._retry_connection = False
        return self._session

    async def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int
    ) -> Reply | Failure:
        """Send `request` and read the whole answer, of at most `limit` bytes, within the deadline."""
        opened = await self.open(request, signature, deadline, accept="application/json")
        if isinstance(opened, Failure):
            return opened
        body = bytearray()
        try:
            async for piece in opened.pieces:
                if isinstance(piece, Failure):
                    return piece
                body += piece
                if len(body) > limit:
                    return Failure("too_large", f"more than {limit:,} bytes", phase="body")
        finally:
            opened.close()
        return Reply(opened.status, opened.headers, bytes(body))

    async def open(
        self,
        request: Request,
        signature: Signature | None,
        deadline: Deadline,
        *,
        silence: float | None = None,
        accept: str = "*/*",
    ) -> AsyncOpenReply | Failure:
        """Send `request` and return when the head of the answer is there; `silence`: seconds until the first event."""
        progress = _Progress()
        headers = {"Accept": accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if signature is not None:
            headers[signature.header] = signature.value
        patience = _Patience(deadline, silence)
        response = None
        failure: Failure | None = None
        try:
            async with asyncio.timeout_at(patience.due()):
                response = await self._open_session().request(
                    request.method,
                    _url(self._base_url + request.target),
                    data=request.body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                    trace_request_ctx=progress,
                )
        except TimeoutError as error:
            failure = self._failure(error, progress, patience)
        except (ClientError, OSError, ValueError, RuntimeError) as error:
            failure = self._failure(error, progress, patience)
        if failure is not None or response is None:
            return failure or Failure("head")
        if not 200 <= response.status < 600:
            response.close()
            return Failure("head", f"HTTP status {response.status} as the final one", phase="body")
        lower = {name.lower(): value for name, value in response.headers.items()}
        framed = response.content_length is not None or "chunked" in lower.get("transfer-encoding", "")
        pieces = self._pieces(response, patience)
        return AsyncOpenReply(response.status, lower, pieces, framed, response.close, patience.heard)

    async def _pieces(self, response: aiohttp.ClientResponse, patience: _Patience) -> AsyncIterator[bytes | Failure]:
        failure: Failure | None = None
        progress = _Progress("body", written=True)
        while failure is None:
            try:
                async with asyncio.timeout_at(patience.due()):
                    piece = await response.content.readany()
            except TimeoutError as error:
                failure = self._failure(error, progress, patience)
            except (ClientError, OSError, ValueError, RuntimeError) as error:
                failure = self._failure(error, progress, patience)
            else:
                if not piece:
                    return
                yield piece
        yield failure

    def _failure(self, error: Exception, progress: _Progress, patience: _Patience) -> Failure:
        """Return the row of the failure table for what was raised."""
        if self._closed:
            return Failure("cancelled", delivered=progress.written, phase=progress.phase)
        if type(error) is TimeoutError:
            return Failure(patience.passed(), delivered=progress.written, phase=progress.phase)
        if progress.phase == "body":
            return Failure("truncated", plain(error), phase="body")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            kind = "proxy_auth" if error.status == 407 else "proxy"
            return Failure(kind, f"HTTP {error.status}", phase=progress.phase)
        kind = next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), "head")
        if kind in ("reset", "closed") and not progress.written:
            kind = "tls" if progress.phase == "connecting" else "unsent"
        return Failure(kind, plain(error), phase=progress.phase)

    async def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


class _Patience:
    """When the next byte is due: before the call's deadline, and before too long a silence."""

    def __init__(self, deadline: Deadline, silence: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + deadline.left()
        self._quiet_until = None if silence is None else self._loop.time() + silence

    def heard(self, seconds: float) -> None:
        """Allow so many seconds of silence from now on."""
        self._quiet_until = self._loop.time() + seconds

    def due(self) -> float:
        """Return the loop's time at which waiting ends."""
        return self._end if self._quiet_until is None else min(self._end, self._quiet_until)

    def passed(self) -> str:
        """Return which of the two has passed."""
        return "deadline" if self._loop.time() >= self._end else "stalled"


def _url(address: str) -> Any:
    from yarl import URL

    # Encoded already; yarl would decode what it thinks needs no encoding, and a dot segment would come to life.
    return URL(address, encoded=True)


def _tracing() -> aiohttp.TraceConfig:
    """Have aiohttp tell how far each attempt has come."""
    trace = aiohttp.TraceConfig()

    async def connected(_: Any, context: Any, __: Any) -> None:
        context.trace_request_ctx.phase = "sending"

    async def sent(_: Any, context: Any, __: Any) -> None:
        context.trace_request_ctx.phase, context.trace_request_ctx.written = "waiting", True

    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    trace.on_request_headers_sent.append(sent)
    return trace


def _proxy_for(base_url: str) -> str | None:
    """Return the proxy of the environment for the address, found as the sync client finds it."""
    from requests.utils import get_environ_proxies, select_proxy

    found: str | None = select_proxy(base_url, get_environ_proxies(base_url))
    return found


# The first line that fits decides.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "certificate"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    (aiohttp.ClientProxyConnectionError, "proxy"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorError, "refused"),
    (aiohttp.ServerDisconnectedError, "closed"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset"),
    (aiohttp.ClientPayloadError, "truncated"),
)
