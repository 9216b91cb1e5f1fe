"""urllib3 connections that know how far a request has come, and can be ended from another thread.

Theory of operation
===================

requests' exceptions do not say whether a question was sent: its ConnectionError covers a refusal, a close after the
request and a stall in the middle of the answer. So the connections keep note themselves, in the `SocketProgress` of
the attempt that their thread makes (`current`, since urllib3 has no way to hand it over):

    resolving ──> connecting ──> handshake ──> sending ──> waiting ──> body ──> (in the pool)
                                                  ^
    a kept connection begins here ────────────────┘

*Until sending*, nothing of the request is out, whatever happens: the failure was not delivered. Each address of the
host is tried with what is left of the time.

*Sending*: head and body are gathered, and then sent in pieces whose sizes are counted. Where the count is 0, a kept
connection had ended before.

*Waiting*: interim answers are read past, and a head that was cut is an error rather than a short head.

*Body*: read by `HttpResponse`. When the last byte has come, urllib3 puts the connection back into its pool: but not one
on which more followed than was announced, which could become the next caller's answer, nor one after a large request,
whose end the server may never have read.

The socket that can be shut down from outside (`SocketProgress.watch`) is set in each phase as soon as there is one,
the half-made one of a TLS handshake included. It is forgotten (`release`) before the connection is in the pool again.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from typing import Any

# Not from `urllib3.connection`: while vcrpy records, that has its classes, which ours would then derive from for good.
from urllib3.connectionpool import HTTPConnection, HTTPSConnection  # type: ignore[attr-defined]
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.response import assert_header_parsing

from unichat.transport import limits
from unichat.transport.requests.progress import SocketProgress, current, shut_down


class _CompleteLines:
    """A head's lines, which must all end: the standard library takes a head that was cut for a short one."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self._begun = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self.file.readline(limit)
        if self._begun and len(line) < limit and not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        # Not even a first line is a connection that was closed, which is told apart.
        self._begun = True
        return line

    def close(self) -> None:
        self.file.close()


class _Response(http.client.HTTPResponse):
    """Reads on past 1xx: the standard library takes a 103 for the answer, and the next caller then gets this one's."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(limits.MOST_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {limits.MOST_INTERIM} interim answers")

    def begin(self) -> None:
        file: Any = self.fp
        self.fp = _CompleteLines(file)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            # It is None once what was read there closed the answer.
            self.fp = file if self.fp is not None else None
        # What follows a line that is not a header is lost, perhaps the length; urllib3 would only log that, with the
        # address, and in its query perhaps the question.
        assert_header_parsing(self.headers)

    connection: TrackedConnection | None = None

    def _close_conn(self) -> None:
        # The answer has come whole. What follows it belongs to nobody, and must not become the next caller's.
        surplus = self.connection is not None and self.connection.has_surplus(self.fp)
        super()._close_conn()  # type: ignore[misc]
        if surplus and self.connection is not None:
            self.connection.close()


class TrackedConnection(HTTPConnection):
    """A connection that notes how far the current attempt has come."""

    response_class = _Response
    _used_at = 0.0
    _outgoing = bytearray()

    def has_surplus(self, file: Any) -> bool:
        """Whether anything follows the answer that was read from `file`, as far as can be told without waiting."""
        if self.sock is None or not hasattr(file, "peek"):
            return False
        timeout = self.sock.gettimeout()
        try:
            self.sock.settimeout(0)
            return bool(file.peek(1))
        except (OSError, ValueError):
            # Nothing there yet (through TLS that is an error), or the end of the connection.
            return False
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(timeout)

    def release(self) -> None:
        """The answer was read whole: the connection goes back to its pool, and no timer of this attempt may end it."""
        progress, self._progress = self._progress, None
        large = progress is not None and progress.written > limits.LARGE_REQUEST
        if progress is not None:
            progress.release()
        if self._close_after or large:
            self._close_after = False
            self.close()

    _progress: SocketProgress | None = None
    _close_after = False

    @property
    def is_connected(self) -> bool:
        """Whether it can be used for the attempt that this thread makes; if not, urllib3 connects again."""
        progress = current.progress
        if (
            progress is not None
            and progress.avoid_stale_connection
            and time.monotonic() - self._used_at > limits.IDLE_LIFE
        ):
            return False
        return super().is_connected

    def _new_conn(self) -> socket.socket:
        progress = current.progress
        if progress is None:
            return super()._new_conn()
        progress.phase = "resolving"
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(*error.args[:2])) from error
        progress.phase = "connecting"
        problem: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in addresses:
            try:
                return self._connect_to(progress, family, kind, protocol, address)
            except OSError as error:
                problem = error
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time")
        raise NewConnectionError(self, f"no connection: {problem}") from problem

    def _connect_to(
        self, progress: SocketProgress, family: int, kind: int, protocol: int, address: Any
    ) -> socket.socket:
        new = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                new.setsockopt(*option)
            # For each address what is left, not the whole time-out again.
            new.settimeout(max(0.001, min(float(self.timeout or 0.0) or 60.0, progress.deadline.remaining())))
            progress.watch(new)
            new.connect(address)
            new.settimeout(self.timeout)
        except BaseException:
            progress.watch(None)
            new.close()
            raise
        return new

    def connect(self) -> None:
        """Connect."""
        super().connect()
        if current.progress is not None:
            current.progress.watch(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, and count what goes out."""
        progress = current.progress
        if progress is None:
            super().request(*args, **kwargs)
            return
        if self.sock is None:
            self.connect()
        else:
            progress.watch(self.sock)
        progress.phase = "sending"
        self._progress = progress
        self._outgoing = bytearray()
        super().request(*args, **kwargs)
        # sendall() does not say how much went out before it failed, and whether any did decides about a repetition.
        rest = memoryview(self._outgoing)
        while rest:
            count = self.sock.send(rest)
            progress.written += count
            rest = rest[count:]

    def send(self, data: Any) -> None:
        """Gather a part of the request; send what belongs to none."""
        progress = current.progress
        if progress is not None and progress.phase == "sending":
            # Kept until all is there: head and body in one packet wake the server once.
            self._outgoing += data
        else:
            # Not the request itself: a proxy is asked for a tunnel while the connection is being made.
            super().send(data)

    def getresponse(self) -> Any:
        """Wait for the head of the answer."""
        progress = current.progress
        if progress is not None:
            progress.phase = "waiting"
        response: Any = super().getresponse()
        self._used_at = time.monotonic()
        # A body may follow these by mistake, and a while later.
        self._close_after = response.status in (204, 205, 304)
        response._original_response.connection = self
        if progress is not None:
            progress.phase = "body"
        return response


class TrackedTLSConnection(TrackedConnection, HTTPSConnection):
    """The same, through TLS."""

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        progress = current.progress
        if progress is not None:
            progress.phase = "handshake"
            # Wrapping a socket detaches it, and the wrapped one is not to be had before the handshake has ended: so
            # that a handshake can be ended too, a second descriptor of the same connection is kept for that time.
            self._handle = plain.dup()
            progress.watch(self._handle)
        return plain

    _handle: socket.socket | None = None

    def connect(self) -> None:
        """Connect, and shake hands."""
        try:
            super().connect()
        except BaseException:
            # After a Ctrl-C in a handshake, nobody else ends it before the traceback is forgotten.
            shut_down(self._handle)
            raise
        finally:
            handle, self._handle = self._handle, None
            if handle is not None:
                if current.progress is not None:
                    current.progress.watch(self.sock)
                handle.close()
