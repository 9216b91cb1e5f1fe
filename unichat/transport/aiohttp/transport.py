"""HTTP by `aiohttp`: sends one request once, and gives back an answer or a `TransportFailure`, never an exception.

Proxies and authorities are found as the sync client finds them. aiohttp would add credentials from .netrc with
`trust_env`, and knows neither `REQUESTS_CA_BUNDLE` nor certifi, so that a profile would work with one client only.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterator

import aiohttp
from aiohttp import ClientError, EofStream
from aiohttp.http import HttpProcessingError
from attrs import evolve

from unichat.adapter import Reply
from unichat.errors import ConfigError
from unichat.transport.aiohttp.line import Answer, Line
from unichat.transport.aiohttp.phases import Sending
from unichat.transport.base import Deadline, HttpRequest, TransportFailure
from unichat.transport.error_text import describe_error
from unichat.transport.proxies import check_proxy, is_encrypted, proxy_for
from unichat.transport.tls import context_for

_VERSIONS = ">=3.14.5,<3.15"
"""As in the extra `async`: what is used of aiohttp is private in part and may change with any version, so that each
newer one needs the fault bench; and older ones unpack a compressed bomb before anybody can stop it."""
_CONNECTIONS = 1_000
"""Connections unless told otherwise."""
_NO_CONNECTION = frozenset({"dns", "refused", "connect_timeout", "unsent"})
_CAUGHT = (ClientError, HttpProcessingError, EofStream, OSError, ValueError, RuntimeError)
"""What aiohttp raises for whatever the network or the server does."""


class AiohttpTransport:
    """Sends requests to one address over pooled connections, within one event loop.

    Redirects are never followed and cookies never kept. Proxies and CA settings of the environment are honoured.

    Raises:
        ConfigError: the file of certificate authorities cannot be read; or this is not one of the versions of aiohttp
            that unichat knows.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5.0,
        ca_bundle: str | None = None,
        connections: int | None = None,
    ) -> None:
        _check_version()
        self._base_url = base_url.rstrip("/")
        self._connect_timeout = connect_timeout
        self._connections = connections or _CONNECTIONS
        self._proxy = proxy_for(self._base_url)
        self._problem = check_proxy(self._proxy, ("http", "https"))
        self._tls = context_for(ca_bundle) if is_encrypted(self._base_url, self._proxy) else None
        self._line: Line | None = None
        self._closed = False

    def _open_line(self) -> Line:
        # Made with the first request, since aiohttp ties it to the running event loop.
        if self._line is None:
            self._line = Line(self._base_url, self._proxy, self._tls, self._connect_timeout, self._connections)
        return self._line

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send `request` and read the whole answer, of at most `limit` bytes, within the deadline."""
        if (refusal := self._refusal()) is not None:
            return refusal
        attempt = Sending(deadline, None)
        try:
            # One time-out for all waits.
            async with attempt.waiting():
                if not (line := self._open_line()).took_place():
                    await line.wait_for_place(attempt)
                answer = await self._asked(request, attempt)
                if isinstance(answer, TransportFailure):
                    return answer
                try:
                    body = await _whole(answer, attempt, limit)
                finally:
                    self._end(answer, attempt)
        except TimeoutError as error:
            # The cancelling that ended the wait has given the connection up.
            return failure_of(error, attempt)
        return body if isinstance(body, TransportFailure) else Reply(answer.status, answer.headers, body)

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> _OpenReply | TransportFailure:
        """Send `request` and return when the head of the answer is there; `idle_timeout`: seconds until an event."""
        if (refusal := self._refusal()) is not None:
            return refusal
        attempt = Sending(deadline, None)
        try:
            if not (line := self._open_line()).took_place():
                # That others have all the connections is no silence of the vendor.
                async with attempt.waiting():
                    await line.wait_for_place(attempt)
            attempt.heard(idle_timeout)
            async with attempt.waiting():
                answer = await self._asked(request, attempt)
        except TimeoutError as error:
            return failure_of(error, attempt)
        if isinstance(answer, TransportFailure):
            return answer

        def close() -> None:
            self._end(answer, attempt)

        return _OpenReply(answer, attempt, close)

    async def _asked(self, request: HttpRequest, attempt: Sending) -> Answer | TransportFailure:
        """Send `request`, and return the answer as soon as its head is there, and good."""
        try:
            answer = await self._open_line().ask(
                request.method, request.target, dict(request.headers), request.body, attempt
            )
        except _CAUGHT as error:
            failure = failure_of(error, attempt)
            if self._proxy and attempt.phase == "connecting" and failure.kind in _NO_CONNECTION:
                # The proxy's name, or the proxy: nobody has looked for the vendor yet.
                failure = evolve(failure, kind="proxy")
            return failure
        problem = _no_answer(answer)
        if problem is not None:
            # Even if it is whole: who sends such a head is not asked again over the same connection.
            self._open_line().abandon(attempt)
            answer.close()
            return problem
        return answer

    def _end(self, answer: Answer, attempt: Sending) -> None:
        # After some statuses a body may follow by mistake, and a while later.
        if not answer.closed or answer.status in (204, 205, 304):
            self._open_line().abandon(attempt)
        answer.close()

    def _refusal(self) -> TransportFailure | None:
        if self._closed:
            return TransportFailure("cancelled", delivered=False, phase="connecting")
        return self._problem

    async def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        self._closed = True
        if self._line is not None:
            await self._line.close()


def _check_version() -> None:
    found = re.match(r"3\.14\.(\d+)", aiohttp.__version__)
    if found is None or int(found[1]) < 5:
        raise ConfigError(
            f"aiohttp {aiohttp.__version__} is not a version that unichat is known to be safe with",
            hint=f'Install one that is: pip install "aiohttp{_VERSIONS}".',
        )


def _no_answer(answer: Answer) -> TransportFailure | None:
    """Return what is wrong with a head that aiohttp takes."""
    if not 200 <= answer.status < 600:
        return TransportFailure("head", f"HTTP status {answer.status} as the final one", phase="body")
    if answer.version.major != 1:
        return TransportFailure("head", "another version of HTTP than was asked for", phase="body")
    if "," in answer.headers.get("content-encoding", ""):
        # It decodes one encoding, and would give out the bytes of several as they are.
        return TransportFailure("truncated", "several content encodings", phase="body")
    return None


async def _whole(answer: Answer, attempt: Sending, limit: int) -> bytes | TransportFailure:
    """Return the body, of at most `limit` bytes."""
    body = bytearray()
    try:
        while not answer.content.at_eof():
            body += await answer.content.readany()
            if len(body) > limit:
                return TransportFailure("too_large", f"more than {limit:,} bytes", phase="body")
    except _CAUGHT as error:
        return failure_of(error, attempt)
    return bytes(body)


class _OpenReply:
    """An answer whose body is still to come."""

    def __init__(self, answer: Answer, attempt: Sending, close: Callable[[], None]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.delimited = "content-length" in answer.headers or "chunked" in answer.headers.get("transfer-encoding", "")
        self.close = close
        self.reset_idle_timeout = attempt.heard
        self._answer = answer
        self._attempt = attempt

    async def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes; None after a proper end, and a `TransportFailure` once after any other."""
        attempt, content = self._attempt, self._answer.content
        if attempt.over() and not content.is_eof():
            # A wait for what has come already does not end by its time-out.
            return TransportFailure("cancelled" if attempt.stopped else "deadline", delivered=True, phase="body")
        try:
            async with attempt.waiting():
                piece = await content.readany()
        except _CAUGHT as error:
            return failure_of(error, attempt)
        attempt.handing_out()
        return piece or None


def failure_of(error: Exception, attempt: Sending) -> TransportFailure:
    """Return the row of the failure table for what was raised."""
    if attempt.phase == "queued":
        return TransportFailure(attempt.passed(), "all connections were busy", delivered=False, phase="connecting")
    if type(error) is TimeoutError or attempt.stopped:
        return TransportFailure(attempt.passed(), delivered=attempt.written, phase=attempt.phase)
    chain = list(_chain(error))
    words = describe_error(chain[-1])
    if attempt.phase == "body":
        return TransportFailure("truncated", words, phase="body")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        kind = "proxy_auth" if error.status == 407 else "proxy"
        return TransportFailure(kind, f"HTTP {error.status}", phase=attempt.phase)
    if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
        # What there was of a head when the connection ended.
        return TransportFailure("head", words, phase=attempt.phase)
    kind = next((kind for kinds, kind in _KINDS if any(isinstance(cause, kinds) for cause in chain)), "head")
    if attempt.phase == "handshake" and kind not in ("certificate", "proxy"):
        kind = "tls"
    elif kind in ("reset", "closed", "head") and not attempt.written:
        kind = "unsent"
    return TransportFailure(kind, words, phase=attempt.phase)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it wraps, outermost first: aiohttp tells a reset by what caused its own error."""
    # A time-out ends a wait by cancelling it, which says nothing more.
    while error is not None and not isinstance(error, asyncio.CancelledError):
        yield error
        error = error.__cause__ or error.__context__


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
