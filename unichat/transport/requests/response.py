"""An answer whose head is here: what its head says, and its body as it comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from unichat.transport.base import TransportFailure
from unichat.transport.error_text import describe_error
from unichat.transport.requests.errors import FAILURES, find_interruption
from unichat.transport.requests.progress import Watchdog

_CHUNK = 65_536


class HttpResponse:
    """An answer whose body is still to come.

    Attributes:
        headers: by lower-case name; values of a repeated one joined by a comma.
        delimited: whether the answer says where its body ends.
    """

    def __init__(self, response: requests.Response, watchdog: Watchdog) -> None:
        raw: Any = response.raw
        is_stand_in = not isinstance(raw, urllib3.response.BaseHTTPResponse)
        headers = response.headers if is_stand_in else raw.headers
        self.status = response.status_code
        self.headers: dict[str, str] = {name.lower(): headers[name] for name in headers}
        self.delimited: bool = is_stand_in or raw.chunked or raw.length_remaining is not None
        self.reset_idle_timeout = watchdog.reset_idle_timeout
        self._response = response
        self._watchdog = watchdog
        self._ended = False
        self._failure: TransportFailure | None = None
        # No two threads may be at the response at a time. Reentrant and taken by `with` alone: a signal's handler may
        # run in the midst of what its own thread does, and may raise.
        self._lock = threading.RLock()
        self._reading = False
        """Whether the thread that has the lock is reading."""
        self._pieces: Any
        if is_stand_in:
            self._pieces = _read_stand_in(response)
        elif raw.chunked and raw.supports_chunked_reads():
            self._pieces = raw.read_chunked(_CHUNK, decode_content=True)
        else:
            self._pieces = _read_available(raw)

    def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes of the body, decompressed; None after a proper end, a failure after any other."""
        if self._ended:
            return self._failure
        watchdog, progress = self._watchdog, self._watchdog.progress
        watchdog.resume()
        piece: bytes | None = None
        whole = False
        interruption: BaseException | None = None
        try:
            # A body of many small chunks can go on for long after its connection was ended: they are in the buffer.
            if progress.stopped is None:
                piece = self._read_piece()
                whole = piece is None
        except FAILURES as error:
            interruption = find_interruption(error)
            stalled = isinstance(error, urllib3.exceptions.ReadTimeoutError)
            detail = "" if stalled else describe_error(error)
            self._failure = TransportFailure("stalled" if stalled else "truncated", detail, phase="body")
            whole = True
        finally:
            if piece is None:
                self._end(whole=whole)
        if interruption is not None:
            # Without the library's own exception, which holds the request.
            raise interruption from None
        if piece is not None:
            watchdog.pause()
            return piece
        # Asked even after a good end: a body without a length looks complete when another thread ends it.
        if progress.stopped is not None:
            self._failure = TransportFailure(progress.stopped, delivered=True, phase="body")
        return self._failure

    def _read_piece(self) -> bytes | None:
        with self._lock:
            try:
                self._reading = True
                piece: bytes | None = next(self._pieces, None)
            finally:
                self._reading = False
        return piece

    def _end(self, *, whole: bool) -> None:
        """End the attempt; unless its end was read, give the connection up, which nobody else does.

        A signal's handler that closes it in the midst of reading leaves that to the reader.
        """
        self._ended = True
        if not whole or self._watchdog.progress.stopped is not None:
            self._close_response()
        self._watchdog.end()

    def close(self) -> None:
        """Give the connection up, unless the body has ended. Closing twice is fine."""
        # First, so that a thread that reads comes back.
        self._watchdog.progress.stop("cancelled")
        with self._lock:
            if self._reading:
                # From a signal's handler, within a read of the same thread, which ends the rest.
                return
            # Not once the answer has come whole: its connection is in the pool, and may serve another call.
            if not self._watchdog.progress.over:
                self._close_response()
                # Here rather than by the garbage collector, where Python ignores a Ctrl-C.
                self._pieces.close()
        self._watchdog.end()

    def _close_response(self) -> None:
        if self._response.raw is not None:
            self._response.close()


def _read_stand_in(response: requests.Response) -> Iterator[bytes]:
    """Yield the body of what a mocking tool gives for urllib3's response, as requests would read it."""
    if response.raw is None:
        yield response.content
    else:
        yield from response.iter_content(_CHUNK)


def _read_available(raw: Any) -> Iterator[bytes]:
    # stream() would wait for a full chunk; read1 gives what has come.
    while chunk := raw.read1(_CHUNK, decode_content=True):
        yield chunk
        if raw.length_remaining == 0 and "content-encoding" not in raw.headers:
            return
