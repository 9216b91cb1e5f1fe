"""What takes the protections away that the requests transport has: each function, one."""

from __future__ import annotations

import http.client
from types import SimpleNamespace
from typing import Any

import requests
import urllib3.connectionpool
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, get_cookie_header
from urllib3.connection import HTTPConnection

import unichat.adapter.endpoints
import unichat.adapter.messages
import unichat.execution.context
import unichat.transport.requests.connections as connections
import unichat.transport.requests.progress as progress
import unichat.transport.requests.response as response
import unichat.transport.requests.session as session
import unichat.transport.requests.transport as transport
import unichat.transport.timers
from unichat.errors import ConnectionFailed
from unichat.transport.base import HttpRequest, TransportFailure
from unichat.transport.requests.progress import SocketProgress

# Reading heads


def interim_answers() -> None:
    """A 103 is taken for the answer, as the standard library does."""
    connections._Response._read_status = http.client.HTTPResponse._read_status  # type: ignore[attr-defined]


def head_ends() -> None:
    """A head that was cut is taken for a short one."""
    connections._CompleteLines.readline = lambda self, limit: self.file.readline(limit)  # type: ignore[method-assign]


def header_lines() -> None:
    """What follows a line that is not a header is lost."""
    connections.assert_header_parsing = lambda _: None  # type: ignore[attr-defined]


# Redirects and cookies: sent by the session instead of its adapter


def _by_the_session(*, follow: bool, keep: bool) -> None:
    get_adapter = requests.Session.get_adapter

    class Session:
        def __init__(self, session: requests.Session) -> None:
            self._session = session

        def send(self, prepared: Any, **options: Any) -> Any:
            requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]
            # The session keeps them here; a request made by hand has no place for any.
            prepared._cookies = RequestsCookieJar()
            kept = get_cookie_header(self._session.cookies, prepared) if keep else None
            if kept:
                prepared.headers["Cookie"] = kept
            try:
                return self._session.send(prepared, allow_redirects=follow, **options)
            finally:
                requests.Session.get_adapter = wrap  # type: ignore[method-assign, assignment]

    def wrap(session: requests.Session, url: str) -> Any:
        return Session(session)

    requests.Session.get_adapter = wrap  # type: ignore[method-assign, assignment]


def redirects() -> None:
    """Redirects are followed."""
    _by_the_session(follow=True, keep=False)


def redirects_bodies() -> None:
    """Redirects are not followed, but read, whatever their size."""
    _by_the_session(follow=False, keep=False)


def cookies() -> None:
    """Cookies are kept."""
    _by_the_session(follow=False, keep=True)


# Phases and deadlines


def byte_counts() -> None:
    """Nobody counts what was sent."""
    connections.TrackedConnection.send = HTTPConnection.send  # type: ignore[method-assign]


def proxy_blame() -> None:
    """A proxy is blamed for whatever breaks behind it."""
    classify_error = transport.classify_error

    def blame(error: Exception, attempt: SocketProgress) -> TransportFailure:
        attempt.phase = "connecting"
        return classify_error(error, attempt)

    transport.classify_error = blame


def proxy_tracking() -> None:
    """Connections through a proxy are the library's own."""
    session.TrackingAdapter.proxy_manager_for = HTTPAdapter.proxy_manager_for  # type: ignore[method-assign]


def timer() -> None:
    """Only the socket's own time-out is left, which starts anew with each byte."""
    never = unichat.transport.timers.Timer(0.0, None)
    progress.timers = SimpleNamespace(call_at=lambda when, callback: never)  # type: ignore[assignment]


def handshakes() -> None:
    """A handshake cannot be ended from outside."""
    connections.TrackedTLSConnection._new_conn = connections.TrackedConnection._new_conn  # type: ignore[method-assign]


def idle_timeout() -> None:
    """A stream may be silent for ever."""
    quiet = SimpleNamespace(reset=lambda seconds: None, cancel=lambda: None, pause=lambda: None, resume=lambda: None)
    progress.IdleTimer = lambda seconds, callback: quiet  # type: ignore[assignment, misc]


def client_close() -> None:
    """A client that is closed lets its calls run on."""
    stop = SocketProgress.stop

    def stop_unless_cancelled(attempt: SocketProgress, reason: str) -> None:
        if reason != "cancelled":
            stop(attempt, reason)

    SocketProgress.stop = stop_unless_cancelled  # type: ignore[method-assign]


def pools() -> None:
    """Pools are forgotten instead of closed."""
    session.TrackingAdapter.close = HTTPAdapter.close  # type: ignore[method-assign]


def idle_connections() -> None:
    """A connection is used however long it was idle."""
    connections.TrackedConnection.is_connected = HTTPConnection.is_connected  # type: ignore[method-assign, assignment]


def forks() -> None:
    """A child goes on over its parent's sockets."""
    transport._reset_all.__code__ = (lambda: None).__code__


# Bodies


def body_limit() -> None:
    """An answer may have any size."""
    send = transport.RequestsTransport.send

    def send_unlimited(self: Any, request: HttpRequest, deadline: Any, *, limit: int) -> Any:
        return send(self, request, deadline, limit=2**60)

    transport.RequestsTransport.send = send_unlimited  # type: ignore[method-assign]


def cut_bodies() -> None:
    """A body that broke off looks like one that ended."""
    read = response.HttpResponse.read
    response.HttpResponse.read = lambda self: each if isinstance(each := read(self), bytes) else None  # type: ignore[method-assign]


def undelimited_stream_ends() -> None:
    """A stream without a length is whole whenever its connection ends."""

    begin = response.HttpResponse.__init__

    def wrapper(self: Any, *given: Any) -> None:
        begin(self, *given)
        self.delimited = True

    response.HttpResponse.__init__ = wrapper  # type: ignore[method-assign]


# Ids, keys and what is shown


def netrc() -> None:
    """The library makes the request, and may look for a login by itself."""

    def prepare(self: Any, address: str, request: HttpRequest) -> Any:
        url = address + request.target
        asked = requests.Request(request.method, url, headers=dict(request.headers), data=request.body)
        return self._session.prepare_request(asked)

    transport.RequestsTransport._prepare = prepare  # type: ignore[method-assign]


def certificates() -> None:
    """Any certificate will do."""
    urllib3.connectionpool.warnings = SimpleNamespace(warn=lambda *_: None)  # type: ignore[assignment]
    send = HTTPAdapter.send

    def send_unverified(self: Any, request: Any, **options: Any) -> Any:
        return send(self, request, **{**options, "verify": False})

    session.TrackingAdapter.send = send_unverified  # type: ignore[method-assign, assignment]


def clean_errors() -> None:
    """An error is raised where the library's is caught, and so holds it, and the request with the key."""

    def raise_error(error: Exception, attempt: SocketProgress) -> TransportFailure:
        raise ConnectionFailed("not trusted", kind="certificate", hint="Check it.", maybe_delivered=False)

    transport.classify_error = raise_error


def pool_return() -> None:
    """A connection goes back to its pool while a timer of its last call can still end it."""
    SocketProgress.release = lambda self: None  # type: ignore[method-assign]


def surplus() -> None:
    """What follows an answer stays where it is."""
    connections.TrackedConnection.has_surplus = lambda self, file: False  # type: ignore[method-assign]


def connections_after_204() -> None:
    """A connection is kept after a 204 as after any other answer."""
    connections.TrackedConnection._close_after = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]


def slow_readers() -> None:
    """Silence counts, also that of the reader."""
    unichat.transport.timers.IdleTimer.pause = lambda self: None  # type: ignore[method-assign]
