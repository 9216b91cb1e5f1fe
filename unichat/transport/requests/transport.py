"""HTTP by `requests`: sends one request once, and returns an answer or a `TransportFailure`.

Nothing of requests gets out: its exceptions hold the request, and with it the key.
"""

from __future__ import annotations

import weakref
from urllib.parse import urlsplit

import requests

from unichat.adapter import Reply
from unichat.adapter.addresses import normalize_url
from unichat.transport import limits
from unichat.transport.base import Deadline, HttpRequest, TransportFailure, check_address
from unichat.transport.forks import reset_after_fork
from unichat.transport.proxies import check_proxy, find_proxy, is_encrypted, name_proxy
from unichat.transport.requests.errors import FAILURES, classify_error, find_interruption
from unichat.transport.requests.progress import SocketProgress, Watchdog, current
from unichat.transport.requests.response import HttpResponse
from unichat.transport.requests.session import RequestHeaders, make_session
from unichat.transport.timers import NoThread
from unichat.transport.tls import context_for
from unichat.transport.weak_semaphore import WeakSemaphore

_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PROXY_LOGIN = 407
_CONNECTIONS = 64
"""Connections unless told otherwise: as many threads can share a client without waiting for each other."""


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
        self._base_url = normalize_url(base_url).rstrip("/")
        self._host = urlsplit(self._base_url).hostname or ""
        self._connect_timeout = connect_timeout
        self._proxy = proxy = find_proxy(self._base_url)
        self._problem = check_proxy(proxy, _PROXIES)
        proxy_url = None if proxy is None else proxy.url
        self._proxies = {urlsplit(self._base_url).scheme: proxy_url} if proxy_url else {}
        self._context = context_for(ca_bundle) if is_encrypted(self._base_url, proxy_url) else None
        self._closed = False
        self._reset()
        _transports.add(self)

    def _reset(self) -> None:
        """Begin with no connections and no calls."""
        # By references whose callback takes them out: like its slot, nothing has to remember an attempt's end.
        self._running: set[weakref.ref[SocketProgress]] = set()
        # Our own slots, since a pool that blocks waits without limit, and one that does not opens connections without
        # limit.
        self._slots = WeakSemaphore(self._connections)
        self._session = make_session(self._context, self._connections)
        self._headers = {name: str(value) for name, value in self._session.headers.items()}

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

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> HttpResponse | TransportFailure:
        """Send `request` and return when the head of the answer is there.

        Args:
            idle_timeout: seconds of waiting until the first event.
        """
        return self._open(request, deadline, idle_timeout)

    def _open(
        self, request: HttpRequest, deadline: Deadline, idle_timeout: float | None
    ) -> HttpResponse | TransportFailure:
        check_address(request, self._base_url)
        if deadline.remaining() <= 0:
            return TransportFailure("deadline", "before sending", delivered=False)
        if self._problem is not None:
            return self._problem
        slot = self._slots.acquire(deadline.remaining())
        if slot is None:
            detail = f"all {self._connections} connections were busy"
            return TransportFailure("deadline", detail, delivered=False, phase="connecting")
        progress = SocketProgress(deadline, self._host, avoid_stale_connection=not request.idempotent)
        try:
            watchdog = Watchdog(progress, idle_timeout, slot)
        except NoThread as error:
            slot.release()
            return TransportFailure("exhausted", str(error), phase="connecting")
        # In this order, and the other way round in close(): so one of the two sees the other.
        self._running.add(weakref.ref(progress, self._running.discard))
        reply: HttpResponse | TransportFailure | None = None
        try:
            if self._closed:
                progress.stopped = "cancelled"
            current.progress = progress
            reply = self._exchange(request, watchdog)
            if isinstance(reply, HttpResponse) and reply.status >= 400:
                reply.reset_idle_timeout(min(limits.ERROR_BODY_SECONDS, idle_timeout or limits.ERROR_BODY_SECONDS))
        finally:
            current.progress = None
            if not isinstance(reply, HttpResponse):
                watchdog.end()
        return reply

    def _exchange(self, request: HttpRequest, watchdog: Watchdog) -> HttpResponse | TransportFailure:
        progress = watchdog.progress
        session = self._session
        # The timer ends it at the deadline; the socket's own time-out is a second line, a little later.
        left = progress.deadline.remaining() + 1.0
        timeouts = (min(self._connect_timeout, left), left)
        interruption: BaseException | None = None
        try:
            prepared = self._prepare(request)
            # Not the session's own send(): even where it follows no redirect it reads one's whole body, however large,
            # and looks where it leads; and it keeps cookies.
            response = session.get_adapter(self._base_url).send(
                prepared, stream=True, timeout=timeouts, verify=True, proxies=self._proxies
            )
        except FAILURES as error:
            interruption = find_interruption(error)
            if interruption is None:
                return name_proxy(classify_error(error, progress), self._proxy)
        if interruption is not None:
            # Without the library's own exception, which holds the request.
            raise interruption from None
        if not (isinstance(response, requests.Response) and isinstance(response.status_code, int)):
            # Of a mocking tool.
            return TransportFailure("head", f"{type(response).__name__} in the place of a response", phase="body")
        if response.status_code == _PROXY_LOGIN and self._proxy is not None:
            response.close()
            return name_proxy(TransportFailure("proxy_auth", "HTTP 407", phase="body"), self._proxy)
        if not 200 <= response.status_code < 600:
            response.close()
            return TransportFailure("head", f"HTTP status {response.status_code} as the final one", phase="body")
        return HttpResponse(response, watchdog)

    def _prepare(self, request: HttpRequest) -> requests.PreparedRequest:
        """Return the request as it goes out. Nothing but its own headers ever vouches for it: .netrc is not read.

        Written by hand: Session.prepare_request recomputes all of it each time, and takes longer than sending it.
        """
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = self._base_url + request.target
        prepared.body = request.body
        headers = RequestHeaders(self._headers)
        for name, value in request.headers.items():
            headers[name] = value
        if request.body is not None or request.method != "GET":
            headers["Content-Length"] = str(len(request.body or b""))
        prepared.headers = headers
        return prepared

    def close(self) -> None:
        """Close all connections, and end what is running. Closing twice is fine."""
        self._closed = True
        self._slots.close()
        for running in tuple(self._running):
            if (progress := running()) is not None:
                progress.stop("cancelled")
        self._session.close()


_transports: weakref.WeakSet[RequestsTransport] = weakref.WeakSet()


def _reset_all() -> None:
    """Start over in a child after a fork: the connections and calls are its parent's."""
    for transport in tuple(_transports):
        for running in tuple(transport._running):
            if (progress := running()) is not None:
                progress.disown()
        transport._reset()


reset_after_fork(_reset_all)
