"""HTTP by `requests`: sends one request once, and gives back an answer or a `Failure`, never an exception.

Nothing of requests gets out: its exceptions hold the request, and with it the key.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from attrs import field, frozen
from requests.adapters import HTTPAdapter

import unichat
from unichat.operation import Reply, Request
from unichat.policy.deadline import Deadline
from unichat.policy.failures import Failure
from unichat.printable import trimmed

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer, decompressed."""
_PIECE = 65_536
_POOL_SIZE = 64
"""Connections kept: as many threads can share a client without opening one for each call."""


@frozen
class Signature:
    """The header that signs a request; requests calls it last, so neither .netrc nor the address replaces it."""

    header: str
    value: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers[self.header] = self.value
        return request


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: an `auth` of None would let requests look into .netrc."""
    return request


@frozen
class OpenReply:
    """A good answer whose body is still to come.

    Attributes:
        pieces: yields bytes as they come; ends after a proper end, and yields a `Failure` last after any other.
        close: gives the connection up. It is not used again unless the body had ended.
    """

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes | Failure]
    close: Callable[[], None]


class RequestsTransport:
    """Sends requests to one address over pooled connections. Safe to share between threads.

    Redirects are never followed and cookies never kept. Proxies and CA settings of the environment are honoured.
    """

    def __init__(self, base_url: str, *, connect_timeout: float = 5.0, ca_bundle: str | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._connect_timeout = connect_timeout
        self._ca_bundle = ca_bundle
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL_SIZE)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept": "application/json", "User-Agent": f"unichat/{unichat.__version__}"})

    def send(self, request: Request, signature: Signature | None, deadline: Deadline) -> Reply | Failure:
        """Send `request` and read the whole answer, within the deadline."""
        opened = self.open(request, signature, deadline.left(), accept="application/json")
        if isinstance(opened, Failure):
            return opened
        body = bytearray()
        try:
            for piece in opened.pieces:
                if isinstance(piece, Failure):
                    return piece
                body += piece
                if len(body) > BODY_LIMIT:
                    return Failure("too_large", f"more than {BODY_LIMIT:,} bytes")
                if deadline.left() <= 0:
                    # The time-out of a socket starts anew with every byte, so a dripping answer needs this look.
                    return Failure("truncated", "it was still coming")
        finally:
            opened.close()
        return Reply(opened.status, opened.headers, bytes(body))

    def open(
        self, request: Request, signature: Signature | None, timeout: float, *, accept: str = "*/*"
    ) -> OpenReply | Failure:
        """Send `request` and return when the head of the answer is there; no silence may last `timeout` seconds."""
        url = self._base_url + request.target
        headers = {"Accept": accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        prepared = self._session.prepare_request(
            requests.Request(request.method, url, headers=headers, data=request.body, auth=signature or _unsigned)
        )
        settings = self._session.merge_environment_settings(url, {}, True, self._ca_bundle, None)
        timeouts = (min(self._connect_timeout, timeout), timeout)
        try:
            response = self._session.send(prepared, allow_redirects=False, timeout=timeouts, **settings)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # OSError: a ca_bundle that is no file. ValueError: heads that urllib3 takes for granted.
            return _failure(error)
        if not 200 <= response.status_code < 600:
            # A 1xx is not the answer: that is still on its way, and the next call on this connection would get it.
            response.close()
            return Failure("head", f"HTTP status {response.status_code} as the final one")
        lower = {name.lower(): value for name, value in response.headers.items()}
        return OpenReply(response.status_code, lower, _pieces(response.raw), response.close)

    def close(self) -> None:
        """Close all idle connections. Closing twice is fine."""
        self._session.close()


def _pieces(raw: Any) -> Iterator[bytes | Failure]:
    """Yield the body's bytes as soon as they are there, then a `Failure` if it did not end as it should."""
    failure: Failure | None = None
    try:
        if raw.chunked and raw.supports_chunked_reads():
            yield from raw.read_chunked(_PIECE, decode_content=True)
        else:
            # stream() would wait for a full piece; read1 gives what has come.
            while piece := raw.read1(_PIECE, decode_content=True):
                yield piece
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        failure = _body_failure(error)
    if failure is not None:
        yield failure


def _body_failure(error: Exception) -> Failure:
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return Failure("stalled")
    return Failure("truncated", _words(error))


def _failure(error: Exception) -> Failure:
    """Return the row of the failure table for what requests raised before the answer's head was complete."""
    chain = list(_chain(error))
    for kinds, kind in _KINDS:
        if any(isinstance(cause, kinds) for cause in chain):
            return Failure(kind, _words(chain[-1]))
    return Failure("head", _words(chain[-1]))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it wraps, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


# The first line that fits any link of the chain decides. requests' own classes say too little (its ConnectionError
# covers refusals and lost answers alike), so the links below them count as well.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((requests.exceptions.ProxyError, urllib3.exceptions.ProxyError), "proxy"),
    (urllib3.exceptions.NameResolutionError, "dns"),
    (socket.gaierror, "dns"),
    (ssl.SSLCertVerificationError, "certificate"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), "tls"),
    # Before the time-outs, whose subclass it is in urllib3.
    (urllib3.exceptions.NewConnectionError, "refused"),
    ((requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError), "connect_timeout"),
    ((requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError), "read_timeout"),
    (ConnectionRefusedError, "refused"),
    (http.client.RemoteDisconnected, "closed"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset"),
)


def _words(error: BaseException) -> str:
    """Return what went wrong in words of our own: the library's would name addresses, and could hold the key."""
    if isinstance(error, OSError) and error.errno and error.strerror:
        return trimmed(error.strerror, 100)
    return type(error).__name__
