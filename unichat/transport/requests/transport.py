"""HTTP by `requests`: sends one request once, and gives back an answer or a `TransportFailure`, never an exception.

Nothing of requests gets out: its exceptions hold the request, and with it the key.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from attrs import frozen
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

import unichat
from unichat.adapter import Reply, Request
from unichat.adapter.secrets import Signature
from unichat.transport.base import Deadline, OpenReply, Pieces, TransportFailure
from unichat.transport.error_text import plain
from unichat.transport.proxies import is_encrypted, proxy_for, unusable
from unichat.transport.requests.connections import POOLS, Sending, current
from unichat.transport.timers import Patience, alarms
from unichat.transport.tls import context_for

_PIECE = 65_536
_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_CONNECTIONS = 64
"""Connections unless told otherwise: as many threads can share a client without waiting for each other."""


@frozen
class _Route:
    """How the host is reached, by the environment: worked out once, since requests would do so for each request.

    Attributes:
        address: with the host as the network writes it.
        proxies: by scheme.
    """

    address: str
    proxies: dict[str, str]


class RequestsTransport:
    """Sends requests to one address over pooled connections. Safe to share between threads, and across a fork.

    Redirects are never followed and cookies never kept. Proxies and CA settings of the environment are honoured.

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
        self._connections = connections or _CONNECTIONS
        self._base_url = base_url.rstrip("/")
        self._connect_timeout = connect_timeout
        self._proxy = proxy_for(self._base_url)
        self._problem = unusable(self._proxy, _PROXIES)
        self._context = context_for(ca_bundle) if is_encrypted(self._base_url, self._proxy) else None
        self._closed = False
        self._renew()
        _transports.add(self)

    def _renew(self) -> None:
        """Begin with no connections and no calls, as a child does after a fork: its parent's are not its own."""
        self._running: set[_Watch] = set()
        # Our own places, since a pool that blocks waits without limit, and one that does not opens connections without
        # limit. In a queue, since that of a forgotten stream comes back from the garbage collector, which may run while
        # this thread holds any lock.
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._connections):
            self._places.put(None)
        self._session = _session(self._context, self._connections)
        self._headers = {name: str(value) for name, value in self._session.headers.items()}
        self._route: _Route | None = None

    def send(
        self, request: Request, signature: Signature | None, deadline: Deadline, *, limit: int, careful: bool
    ) -> Reply | TransportFailure:
        """Send `request` and read the whole answer, within the deadline.

        Args:
            limit: bytes that the answer may have, decompressed.
            careful: do not use a kept connection that the server may be about to close.
        """
        opened = self.open(request, signature, deadline, accept="application/json", careful=careful)
        if isinstance(opened, TransportFailure):
            return opened
        body = bytearray()
        try:
            for piece in opened.pieces:
                if isinstance(piece, TransportFailure):
                    return piece
                body += piece
                if len(body) > limit:
                    return TransportFailure("too_large", f"more than {limit:,} bytes", phase="body")
        finally:
            opened.close()
        return Reply(opened.status, opened.headers, bytes(body))

    def open(
        self,
        request: Request,
        signature: Signature | None,
        deadline: Deadline,
        *,
        silence: float | None = None,
        accept: str = "*/*",
        careful: bool = True,
    ) -> OpenReply[Pieces] | TransportFailure:
        """Send `request` and return when the head of the answer is there.

        Args:
            silence: seconds until the first event; None where only the deadline counts.
        """
        if deadline.remaining() <= 0:
            return TransportFailure("deadline", "before sending", delivered=False)
        if self._problem is not None:
            return self._problem
        if not self._take_place(deadline):
            detail = f"all {self._connections} connections were busy"
            return TransportFailure("deadline", detail, delivered=False, phase="connecting")
        progress = Sending(deadline, careful)
        watch = _Watch(progress, silence, self._leave)
        # In this order, and the other way round in close(): so one of the two sees the other.
        self._running.add(watch)
        if self._closed:
            progress.stopped = "cancelled"
            # Others wait as this one did.
            self._places.put(None)
        current.progress = progress
        opened: OpenReply[Pieces] | TransportFailure | None = None
        try:
            opened = self._open(request, signature, watch, accept)
        finally:
            current.progress = None
            if not isinstance(opened, OpenReply):
                watch.end()
        return opened

    def _take_place(self, deadline: Deadline) -> bool:
        try:
            self._places.get(timeout=deadline.remaining())
        except queue.Empty:
            return False
        return True

    def _leave(self, watch: _Watch) -> None:
        self._running.discard(watch)
        self._places.put(None)

    def _open(
        self, request: Request, signature: Signature | None, watch: _Watch, accept: str
    ) -> OpenReply[Pieces] | TransportFailure:
        progress = watch.progress
        session = self._session
        # The alarm ends it at the deadline; the socket's own time-out is a second line, a little later.
        left = progress.deadline.remaining() + 1.0
        timeouts = (min(self._connect_timeout, left), left)
        try:
            route = self._found_route()
            prepared = self._prepared(route.address, request, signature, accept)
            # Not the session's own send(): even where it follows no redirect it reads one's whole body, however large,
            # and looks where it leads; and it keeps cookies.
            response = session.get_adapter(route.address).send(
                prepared, stream=True, timeout=timeouts, verify=True, proxies=route.proxies
            )
        except Exception as error:
            # Whatever it is: HTTP libraries take some heads and addresses for granted, and callers are promised errors
            # of ours.
            return failure_of(error, progress)
        if not 200 <= response.status_code < 600:
            response.close()
            return TransportFailure("head", f"HTTP status {response.status_code} as the final one", phase="body")

        reading = _Turn()

        def close() -> None:
            # First, so that a thread that reads comes back; no two may be at the response at a time.
            progress.stop("cancelled")
            if not reading.is_mine():
                with reading:
                    response.close()
                watch.end()

        raw = response.raw
        lower = {name.lower(): raw.headers[name] for name in raw.headers}
        framed = raw.chunked or raw.length_remaining is not None
        return OpenReply(response.status_code, lower, _pieces(raw, watch, reading), framed, close, watch.heard)

    def _found_route(self) -> _Route:
        if self._route is None:
            address = requests.Request("GET", f"{self._base_url}/").prepare().url or ""
            proxies = {urlsplit(address).scheme: self._proxy} if self._proxy else {}
            self._route = _Route(address.rstrip("/"), proxies)
        return self._route

    def _prepared(
        self, address: str, request: Request, signature: Signature | None, accept: str
    ) -> requests.PreparedRequest:
        """Return the request as it goes out. Nothing but the signature ever vouches for it: .netrc is not looked at.

        Written by hand: Session.prepare_request works all of it out anew each time, and takes longer than sending it.
        """
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = address + request.target
        prepared.body = request.body
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        headers["Accept"] = accept
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if request.method != "GET":
            headers["Content-Length"] = str(len(request.body or b""))
        if signature is not None:
            headers[signature.header] = signature.value
        prepared.headers = headers
        return prepared

    def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        self._closed = True
        self._places.put(None)
        for watch in list(self._running):
            watch.progress.stop("cancelled")
        self._session.close()


_transports: weakref.WeakSet[RequestsTransport] = weakref.WeakSet()


def _renew_all() -> None:
    for transport in tuple(_transports):
        transport._renew()


os.register_at_fork(after_in_child=_renew_all)


class _Watch:
    """What ends one attempt from outside: its deadline, too long a silence, the closing of the client."""

    def __init__(self, progress: Sending, silence: float | None, leave: Callable[[_Watch], None]) -> None:
        self.progress = progress
        self._leave: Callable[[_Watch], None] | None = leave
        self._alarm = alarms.at(time.monotonic() + progress.deadline.remaining(), lambda: progress.stop("deadline"))
        self._patience = None if silence is None else Patience(silence, lambda: progress.stop("stalled"))

    def heard(self, seconds: float) -> None:
        """Allow so many seconds of silence from now on."""
        if self._patience is not None:
            self._patience.heard(seconds)

    def handing_out(self) -> None:
        """What has come is looked at, and nobody waits for more."""
        if self._patience is not None:
            self._patience.pause()

    def waiting(self) -> None:
        """Somebody waits for more."""
        if self._patience is not None:
            self._patience.resume()

    def end(self) -> None:
        """The attempt is over. Ending twice is fine."""
        leave, self._leave = self._leave, None
        if leave is not None:
            self._alarm.cancel()
            if self._patience is not None:
                self._patience.cancel()
            leave(self)


class _Adapter(HTTPAdapter):
    """Makes tracked connections to one host, through a proxy too: each proxy has a manager of its own."""

    def __init__(self, context: ssl.SSLContext | None, connections: int) -> None:
        self._trust: dict[str, Any] = {} if context is None else {"ssl_context": context}
        self._pool: Any = None
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def cert_verify(self, *_: Any) -> None:
        """Leave it to the context: requests would name a file besides, which each connection reads again."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        # There is one host, and one way to it.
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer without what nobody here reads: no cookies, no guess at an encoding."""
        response = requests.Response()
        response.status_code, response.headers, response.raw, response.request = resp.status, resp.headers, resp, req
        return response

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        trust = dict(self._trust)
        if trust and not proxy.lower().startswith("socks"):
            trust["proxy_ssl_context"] = trust["ssl_context"]
        manager = super().proxy_manager_for(proxy, **trust, **kwargs)
        # A SOCKS manager keeps its own: its connections alone know the way through the proxy.
        if isinstance(manager, urllib3.ProxyManager):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def close(self) -> None:
        # Pool by pool: requests and urllib3 only forget them, and a failure's traceback, in a cycle of references,
        # keeps one and its sockets open until the garbage collector comes by.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            keys = manager.pools.keys()
            for key in keys:
                with contextlib.suppress(KeyError):
                    manager.pools[key].close()
        super().close()


def _session(context: ssl.SSLContext | None, connections: int) -> requests.Session:
    session = requests.Session()
    adapter = _Adapter(context, connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = f"unichat/{unichat.__version__}"
    return session


class _Turn:
    """A lock that knows whose it is: a signal's handler may run in the midst of what its own thread does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0

    def is_mine(self) -> bool:
        """Whether this thread has it."""
        return self._owner == threading.get_ident()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._owner = 0
        self._lock.release()


def _pieces(raw: Any, watch: _Watch, reading: _Turn) -> Pieces:
    """Yield the body's bytes as soon as they are there, then a `TransportFailure` if it did not end as it should."""
    failure: TransportFailure | None = None
    chunked = raw.chunked and raw.supports_chunked_reads()
    pieces = raw.read_chunked(_PIECE, decode_content=True) if chunked else _as_they_come(raw)
    try:
        # A body of many small pieces can go on for long after its connection was ended: they are in the buffer.
        while watch.progress.stopped is None:
            with reading:
                piece = next(pieces, None)
            if piece is None:
                break
            watch.handing_out()
            yield piece
            watch.waiting()
    except Exception as error:
        stalled = isinstance(error, urllib3.exceptions.ReadTimeoutError)
        failure = TransportFailure("stalled" if stalled else "truncated", "" if stalled else plain(error), phase="body")
    finally:
        # Also where a stream was forgotten rather than closed.
        watch.end()
        if watch.progress.stopped is not None:
            # Nobody else does where a signal's handler closed it, in the midst of reading.
            raw.close()
    # Asked even after a good end: a body without a length looks complete when another thread ends it.
    if watch.progress.stopped is not None:
        failure = TransportFailure(watch.progress.stopped, delivered=True, phase="body")
    if failure is not None:
        yield failure


def _as_they_come(raw: Any) -> Iterator[bytes]:
    # stream() would wait for a full piece; read1 gives what has come.
    while piece := raw.read1(_PIECE, decode_content=True):
        yield piece
        if raw.length_remaining == 0 and "content-encoding" not in raw.headers:
            return


def failure_of(error: Exception, progress: Sending) -> TransportFailure:
    """Return the row of the failure table for what was raised before the head of the answer was complete."""
    # A socket's own time-out can come a moment before the alarm.
    stopped = progress.stopped or ("deadline" if progress.deadline.remaining() <= 0 else None)
    if stopped is not None:
        return TransportFailure(stopped, delivered=progress.written > 0, phase=progress.phase)
    chain = list(_chain(error))
    words = plain(chain[-1])
    # urllib3 blames the proxy for whatever breaks a connection through it, the loss of an answer included.
    sent = progress.phase in ("sending", "waiting")
    rows = (row for row in _KINDS if not (sent and row[1] == "proxy"))
    kind = next((kind for kinds, kind in rows if any(isinstance(cause, kinds) for cause in chain)), "head")
    if kind == "head" and progress.phase in ("resolving", "connecting"):
        kind = "unsent"
    if kind == "proxy" and "407" in str(chain[-1]):
        kind = "proxy_auth"
    if progress.phase == "handshake" and kind not in ("certificate", "proxy", "proxy_auth"):
        kind = "tls"
    elif kind in ("reset", "closed") and sent and progress.written == 0:
        kind = "unsent"
    return TransportFailure(kind, words, phase=progress.phase)


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
    (
        (
            requests.exceptions.InvalidProxyURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.ProxySchemeUnknown,
            urllib3.exceptions.ProxySchemeUnsupported,
        ),
        "proxy",
    ),
    (
        (
            requests.exceptions.InvalidURL,
            urllib3.exceptions.LocationParseError,
            urllib3.exceptions.NameResolutionError,
        ),
        "dns",
    ),
    (socket.gaierror, "dns"),
    (ssl.SSLCertVerificationError, "certificate"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), "tls"),
    # Before the time-outs, since urllib3 derives it from them.
    (urllib3.exceptions.NewConnectionError, "refused"),
    ((requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError), "connect_timeout"),
    ((requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError), "read_timeout"),
    (ConnectionRefusedError, "refused"),
    (http.client.RemoteDisconnected, "closed"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset"),
)
