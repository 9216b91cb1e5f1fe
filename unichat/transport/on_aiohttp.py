"""HTTP by `aiohttp`: sends one request once, and gives back an answer or a `Failure`, never an exception.

Three habits of aiohttp are undone here. Its session sends a GET again by itself when the connection drops, and one
vendor asks questions by GET. With `trust_env` it would add credentials from .netrc. And it knows neither
`REQUESTS_CA_BUNDLE` nor certifi, so that a profile would work with the sync client and fail with this one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import aiohttp
from aiohttp import ClientError, ClientTimeout
from attrs import frozen

import unichat
from unichat.errors import ConfigError
from unichat.operation import Reply, Request
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure
from unichat.secrets import Signature
from unichat.transport.aio_phases import Asking, Attempt, Connections, Connector, Handshake, current
from unichat.transport.trust import context_for
from unichat.transport.words import plain

POOL_SIZE = 1_000
"""Connections at most."""
IDLE_LIFE = 4.0
"""Seconds that an idle connection is kept: common servers close theirs after 5, perhaps under a question."""
AIOHTTP_VERSIONS = ">=3.14.5,<3.15"
"""As in the extra `async`. 3.14.0 unpacks a compressed bomb before anybody can stop it; and what is private in aiohttp
may change with any version, so each newer one needs the fault bench."""
_LONGEST_LINE = 65_536
_MOST_HEADERS = 100
"""The head of an answer has the limits that the standard library, and with it the sync driver, sets."""


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
        ConfigError: the file of certificate authorities cannot be read; or this version of aiohttp cannot be told to
            send a question once.
    """

    def __init__(self, base_url: str, *, connect_timeout: float = 5.0, ca_bundle: str | None = None) -> None:
        _check_switch()
        self._base_url = base_url.rstrip("/")
        self._timeout = ClientTimeout(total=None, sock_connect=connect_timeout)
        self._proxy = _proxy_for(self._base_url)
        self._tls = None
        if any((address or "").startswith("https:") for address in (self._base_url, self._proxy)):
            self._tls = context_for(ca_bundle)
            self._tls.sslobject_class = Handshake
        self._connections = Connections()
        self._session: aiohttp.ClientSession | None = None
        self._running: WeakSet[Attempt] = WeakSet()

    def _open_session(self) -> aiohttp.ClientSession:
        # Made with the first request, since aiohttp ties it to the running event loop.
        if self._session is None:
            self._session = _session(self._connections, self._tls, self._timeout)
        return self._session

    async def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int
    ) -> Reply | Failure:
        """Send `request` and read the whole answer, of at most `limit` bytes, within the deadline."""
        attempt = Attempt(deadline, None)
        try:
            async with attempt.whole():
                return await self._sent(request, signature, attempt, limit)
        except TimeoutError as error:
            # The cancelling that ended the wait has given the connection up.
            return failure_of(error, attempt)

    async def _sent(
        self, request: Request, signature: Signature | None, attempt: Attempt, limit: int
    ) -> Reply | Failure:
        opened = await self._opened(request, signature, attempt, "application/json")
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
        self, request: Request, signature: Signature | None, deadline: Deadline, *, silence: float
    ) -> AsyncOpenReply | Failure:
        """Send `request` and return when the head of the answer is there; `silence`: seconds until the first event."""
        return await self._opened(request, signature, Attempt(deadline, silence), "*/*")

    async def _opened(
        self, request: Request, signature: Signature | None, attempt: Attempt, accept: str
    ) -> AsyncOpenReply | Failure:
        if self._proxy and not _is_usable(self._proxy):
            # aiohttp would take some of these for none, and go past the proxy.
            return Failure("proxy", "the environment names one that is no HTTP proxy", phase="connecting")
        self._running.add(attempt)
        opened = await self._asked(request, signature, attempt, accept)
        if isinstance(opened, Failure):
            self._connections.abandon(attempt)
            return opened
        attempt.phase, attempt.reader = "body", opened.content

        def close() -> None:
            # After some statuses a body may follow by mistake, and a while later.
            if not opened.closed or opened.status in (204, 205, 304):
                self._connections.abandon(attempt)
            opened.close()

        headers = _lower(opened)
        problem = _unusable(opened, headers)
        if problem is not None:
            # Even if it is whole: who sends such a head is not asked again over the same connection.
            self._connections.abandon(attempt)
            opened.close()
            return problem
        framed = opened.content_length is not None or "chunked" in headers.get("transfer-encoding", "")
        return AsyncOpenReply(opened.status, headers, _pieces(opened, attempt, close), framed, close, attempt.heard)

    async def _asked(
        self, request: Request, signature: Signature | None, attempt: Attempt, accept: str
    ) -> aiohttp.ClientResponse | Failure:
        headers = {"Accept": accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if signature is not None:
            headers[signature.header] = signature.value
        before = current.set(attempt)
        try:
            async with attempt.waiting():
                return await self._open_session().request(
                    request.method,
                    _url(self._base_url + request.target),
                    data=request.body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                )
        except (ClientError, OSError, ValueError, RuntimeError) as error:
            return failure_of(error, attempt)
        except asyncio.CancelledError:
            self._connections.abandon(attempt)
            raise
        finally:
            current.reset(before)

    async def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        for attempt in tuple(self._running):
            attempt.stop()
        if self._session is not None:
            await self._session.close()
            # Connections that were given up end in the loop's next turn.
            await asyncio.sleep(0)


def _check_switch() -> None:
    # Private, and the only switch there is: without it a dropped connection repeats a question asked by GET.
    if "_retry_connection" not in getattr(aiohttp.ClientSession, "ATTRS", ()):
        raise ConfigError(
            f"aiohttp {aiohttp.__version__} cannot be kept from sending a question twice",
            hint=f'Install a version that can: pip install "aiohttp{AIOHTTP_VERSIONS}".',
        )


def _session(connections: Connections, tls: ssl.SSLContext | None, timeout: ClientTimeout) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=Connector(
            connections,
            limit=POOL_SIZE,
            keepalive_timeout=IDLE_LIFE,
            ssl=tls or True,
            resolver=aiohttp.ThreadedResolver(),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        headers={"User-Agent": f"unichat/{unichat.__version__}"},
        request_class=Asking,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        max_headers=_MOST_HEADERS,
        trust_env=False,
    )
    session._retry_connection = False
    return session


def _unusable(response: aiohttp.ClientResponse, headers: dict[str, str]) -> Failure | None:
    """Return what is wrong with a head that aiohttp takes."""
    if not 200 <= response.status < 600:
        return Failure("head", f"HTTP status {response.status} as the final one", phase="body")
    if response.version is None or response.version.major != 1:
        return Failure("head", "another version of HTTP than was asked for", phase="body")
    if "," in headers.get("content-encoding", ""):
        # It decodes one encoding, and would give out the bytes of several as they are.
        return Failure("truncated", "several content encodings", phase="body")
    return None


async def _pieces(
    response: aiohttp.ClientResponse, attempt: Attempt, close: Callable[[], None]
) -> AsyncIterator[bytes | Failure]:
    """Yield the body's bytes as soon as they are there, then a `Failure` if it did not end as it should."""
    failure: Failure | None = None
    while failure is None:
        if attempt.over() and not response.content.is_eof():
            # A wait for what has come already does not end by its time-out.
            failure = Failure("cancelled" if attempt.stopped else "deadline", delivered=True, phase="body")
            break
        try:
            async with attempt.waiting():
                piece = await response.content.readany()
        except (ClientError, OSError, ValueError, RuntimeError) as error:
            failure = failure_of(error, attempt)
        else:
            if not piece:
                return
            attempt.handing_out()
            try:
                yield piece
            except GeneratorExit:
                # A stream that was forgotten rather than closed.
                close()
                raise
    yield failure


def failure_of(error: Exception, attempt: Attempt) -> Failure:
    """Return the row of the failure table for what was raised."""
    if type(error) is TimeoutError or attempt.stopped:
        return Failure(attempt.passed(), delivered=attempt.written, phase=attempt.phase)
    chain = list(_chain(error))
    words = plain(chain[-1])
    if attempt.phase == "body":
        return Failure("truncated", words, phase="body")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        kind = "proxy_auth" if error.status == 407 else "proxy"
        return Failure(kind, f"HTTP {error.status}", phase=attempt.phase)
    if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
        # What there was of a head when the connection ended.
        return Failure("head", words, phase=attempt.phase)
    kind = next((kind for kinds, kind in _KINDS if any(isinstance(cause, kinds) for cause in chain)), "head")
    if attempt.phase == "handshake" and kind not in ("certificate", "proxy"):
        kind = "tls"
    elif (kind in ("reset", "closed") and _is_unsent(chain, attempt)) or (kind == "head" and not attempt.written):
        kind = "unsent"
    return Failure(kind, words, phase=attempt.phase)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it wraps, outermost first: aiohttp tells a reset by what caused its own error."""
    # A time-out ends a wait by cancelling it, which says nothing more.
    while error is not None and not isinstance(error, asyncio.CancelledError):
        yield error
        error = error.__cause__ or error.__context__


def _is_unsent(chain: Iterable[BaseException], attempt: Attempt) -> bool:
    # A request is one write, and aiohttp raises this in its place when it finds the connection lost.
    return not attempt.written or any(isinstance(cause, aiohttp.ClientConnectionResetError) for cause in chain)


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lower-case names, several of one name joined as HTTP allows."""
    lower: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        lower[key] = f"{lower[key]}, {value}" if key in lower else value
    return lower


def _url(address: str) -> Any:
    from yarl import URL

    # Encoded already; yarl would decode what it thinks needs no encoding, and a dot segment would come to life.
    return URL(address, encoded=True)


def _proxy_for(base_url: str) -> str | None:
    """Return the proxy of the environment for the address, found as the sync client finds it."""
    from requests.utils import get_environ_proxies, select_proxy

    found: str | None = select_proxy(base_url, get_environ_proxies(base_url))
    return found if not found or "://" in found else f"http://{found}"


def _is_usable(proxy: str) -> bool:
    parts = urlsplit(proxy)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


# The first line that fits any link of the chain decides.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (aiohttp.ClientProxyConnectionError, "proxy"),
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), "certificate"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorError, "refused"),
    (aiohttp.ServerDisconnectedError, "closed"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset"),
)
