"""HTTP by `requests`: sends one request once, and returns an answer or a `TransportFailure`.

Nothing of requests gets out: its exceptions hold the request, and with it the key.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from attrs import frozen
from requests.structures import CaseInsensitiveDict

from unichat.adapter import Reply
from unichat.transport import limits
from unichat.transport.base import Deadline, HttpRequest, TransportFailure, check_address
from unichat.transport.error_text import describe_error
from unichat.transport.forks import reset_after_fork
from unichat.transport.proxies import check_proxy, is_encrypted, proxy_for
from unichat.transport.requests.errors import classify_error
from unichat.transport.requests.progress import AttemptProgress, Watchdog, current
from unichat.transport.requests.session import make_session
from unichat.transport.tls import context_for

_CHUNK = 65_536
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

    Args:
        base_url: scheme, host, port and the path's beginning.
        connect_timeout: seconds for one connection.
        ca_bundle: a file of certificate authorities to trust instead of the usual ones.
        connections: how many there may be at a time; 64 if it is None.

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
        self._problem = check_proxy(self._proxy, _PROXIES)
        self._context = context_for(ca_bundle) if is_encrypted(self._base_url, self._proxy) else None
        self._closed = False
        self._reset()
        _transports.add(self)

    def _reset(self) -> None:
        """Begin with no connections and no calls, as a child does after a fork: its parent's are not its own."""
        self._running: set[Watchdog] = set()
        # Our own slots, since a pool that blocks waits without limit, and one that does not opens connections without
        # limit. In a queue, since that of a forgotten stream comes back from the garbage collector, which may run while
        # this thread holds any lock.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._connections):
            self._slots.put(None)
        self._session = make_session(self._context, self._connections)
        self._headers = {name: str(value) for name, value in self._session.headers.items()}
        self._route: _Route | None = None

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Send `request` and read the whole answer, within the deadline.

        Args:
            limit: bytes that the answer may have, decompressed.
        """
        reply = self._open(request, deadline, None)
        if isinstance(reply, TransportFailure):
            return reply
        is_error = reply.status >= 400
        body = bytearray()
        cut: TransportFailure | None = None
        try:
            while cut is None and (chunk := reply.read()) is not None:
                if isinstance(chunk, TransportFailure):
                    cut = chunk
                elif len(body) + len(chunk) > limit:
                    cut = TransportFailure("too_large", f"more than {limit:,} bytes", phase="body")
                else:
                    body += chunk
        finally:
            reply.close()
        if cut is not None and (not is_error or cut.kind == "cancelled"):
            return cut
        return Reply(reply.status, reply.headers, bytes(body), None if cut is None else cut.kind)

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> _OpenReply | TransportFailure:
        """Send `request` and return when the head of the answer is there.

        Args:
            idle_timeout: seconds of waiting until the first event.
        """
        return self._open(request, deadline, idle_timeout)

    def _open(
        self, request: HttpRequest, deadline: Deadline, idle_timeout: float | None
    ) -> _OpenReply | TransportFailure:
        check_address(request, self._base_url)
        if deadline.remaining() <= 0:
            return TransportFailure("deadline", "before sending", delivered=False)
        if self._problem is not None:
            return self._problem
        if not self._try_acquire(deadline):
            detail = f"all {self._connections} connections were busy"
            return TransportFailure("deadline", detail, delivered=False, phase="connecting")
        progress = AttemptProgress(deadline, avoid_stale_connection=not request.idempotent)
        watchdog = Watchdog(progress, idle_timeout, self._release)
        # In this order, and the other way round in close(): so one of the two sees the other.
        self._running.add(watchdog)
        if self._closed:
            progress.stopped = "cancelled"
            # Others wait as this one did.
            self._slots.put(None)
        current.progress = progress
        reply: _OpenReply | TransportFailure | None = None
        try:
            reply = self._exchange(request, watchdog)
            if isinstance(reply, _OpenReply) and reply.status >= 400:
                reply.reset_idle_timeout(min(limits.ERROR_BODY_SECONDS, idle_timeout or limits.ERROR_BODY_SECONDS))
        finally:
            current.progress = None
            if not isinstance(reply, _OpenReply):
                watchdog.end()
        return reply

    def _try_acquire(self, deadline: Deadline) -> bool:
        try:
            self._slots.get(timeout=deadline.remaining())
        except queue.Empty:
            return False
        return True

    def _release(self, watchdog: Watchdog) -> None:
        self._running.discard(watchdog)
        self._slots.put(None)

    def _exchange(self, request: HttpRequest, watchdog: Watchdog) -> _OpenReply | TransportFailure:
        progress = watchdog.progress
        session = self._session
        # The timer ends it at the deadline; the socket's own time-out is a second line, a little later.
        left = progress.deadline.remaining() + 1.0
        timeouts = (min(self._connect_timeout, left), left)
        try:
            route = self._find_route()
            prepared = self._prepare(route.address, request)
            # Not the session's own send(): even where it follows no redirect it reads one's whole body, however large,
            # and looks where it leads; and it keeps cookies.
            response = session.get_adapter(route.address).send(
                prepared, stream=True, timeout=timeouts, verify=True, proxies=route.proxies
            )
        except Exception as error:
            # Whatever it is: HTTP libraries take some heads and addresses for granted, and callers are promised errors
            # of ours.
            return classify_error(error, progress)
        if not 200 <= response.status_code < 600:
            response.close()
            return TransportFailure("head", f"HTTP status {response.status_code} as the final one", phase="body")
        return _OpenReply(response, watchdog)

    def _find_route(self) -> _Route:
        if self._route is None:
            address = requests.Request("GET", f"{self._base_url}/").prepare().url or ""
            proxies = {urlsplit(address).scheme: self._proxy} if self._proxy else {}
            self._route = _Route(address.rstrip("/"), proxies)
        return self._route

    def _prepare(self, address: str, request: HttpRequest) -> requests.PreparedRequest:
        """Return the request as it goes out. Nothing but its own headers ever vouches for it: .netrc is not read.

        Written by hand: Session.prepare_request works all of it out anew each time, and takes longer than sending it.
        """
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = address + request.target
        prepared.body = request.body
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        for name, value in request.headers.items():
            headers[name] = value
        if request.body is not None or request.method != "GET":
            headers["Content-Length"] = str(len(request.body or b""))
        prepared.headers = headers
        return prepared

    def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        self._closed = True
        self._slots.put(None)
        for watchdog in list(self._running):
            watchdog.progress.stop("cancelled")
        self._session.close()


_transports: weakref.WeakSet[RequestsTransport] = weakref.WeakSet()


def _reset_all() -> None:
    for transport in tuple(_transports):
        transport._reset()


reset_after_fork(_reset_all)


class _ReadLock:
    """Lets one thread at a time read a body. A signal's handler may run in the midst of what its own thread does.

    The lock is reentrant and taken by `with` alone, so that an interrupt cannot leave it taken.

    Attributes:
        lock: to be held while `active` is looked at or set.
        active: whether the thread that has the lock is reading.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.active = False


class _OpenReply:
    """An answer whose body is still to come."""

    def __init__(self, response: requests.Response, watchdog: Watchdog) -> None:
        raw: Any = response.raw
        self.status = response.status_code
        self.headers: dict[str, str] = {name.lower(): raw.headers[name] for name in raw.headers}
        self.delimited: bool = raw.chunked or raw.length_remaining is not None
        self.reset_idle_timeout = watchdog.reset_idle_timeout
        self._response = response
        self._watchdog = watchdog
        # No two threads may be at the response at a time.
        self._reading = _ReadLock()
        self._chunks = _chunks(raw, watchdog, self._reading)

    def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes; None after a proper end, and a `TransportFailure` after any other."""
        return next(self._chunks, None)

    def close(self) -> None:
        """Give the connection up, unless the body has ended. Closing twice is fine."""
        # First, so that a thread that reads comes back.
        self._watchdog.progress.stop("cancelled")
        with self._reading.lock:
            if self._reading.active:
                # From a signal's handler, within a read of the same thread, which ends the rest.
                return
            self._response.close()
        self._watchdog.end()


def _chunks(raw: Any, watchdog: Watchdog, reading: _ReadLock) -> Iterator[bytes | TransportFailure]:
    """Yield the body's bytes as soon as they are there, then a `TransportFailure` if it did not end as it should."""
    failure: TransportFailure | None = None
    progress = watchdog.progress
    chunked = raw.chunked and raw.supports_chunked_reads()
    chunks = raw.read_chunked(_CHUNK, decode_content=True) if chunked else _read_available(raw)
    try:
        # A body of many small chunks can go on for long after its connection was ended: they are in the buffer.
        while progress.stopped is None:
            with reading.lock:
                reading.active = True
                try:
                    chunk = next(chunks, None)
                finally:
                    reading.active = False
            if chunk is None:
                break
            watchdog.pause()
            yield chunk
            watchdog.resume()
    except Exception as error:
        stalled = isinstance(error, urllib3.exceptions.ReadTimeoutError)
        detail = "" if stalled else describe_error(error)
        failure = TransportFailure("stalled" if stalled else "truncated", detail, phase="body")
    finally:
        # Also where a stream was forgotten rather than closed.
        watchdog.end()
        if progress.stopped is not None:
            # Nobody else does where a signal's handler closed it, in the midst of reading.
            raw.close()
    # Asked even after a good end: a body without a length looks complete when another thread ends it.
    if progress.stopped is not None:
        failure = TransportFailure(progress.stopped, delivered=True, phase="body")
    if failure is not None:
        yield failure


def _read_available(raw: Any) -> Iterator[bytes]:
    # stream() would wait for a full chunk; read1 gives what has come.
    while chunk := raw.read1(_CHUNK, decode_content=True):
        yield chunk
        if raw.length_remaining == 0 and "content-encoding" not in raw.headers:
            return
