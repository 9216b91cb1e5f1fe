"""One connection to the server, or to a proxy before it: asyncio's transport on one side, h11 on the other.

Theory of operation
===================

A connection is always in one of these phases:

    idle ──begin()──> exchanging ──finish()──> idle
      │                   │
      └──────abort()──────┴──> closed

*Exchanging*: one request and its answer, for one attempt. asyncio calls `buffer_updated`, which only keeps the bytes
and wakes the attempt; it is the attempt's own task that has them parsed (`read_head`, `read_available`). So an error of
the parser comes up where somebody handles it, a parser is there only for an answer that has begun, and a body is not
read ahead of its reader: once `_MOST_UNREAD` bytes wait, reading is paused until they are taken.

*Idle*: nobody has asked for anything. Whatever comes is nobody's, be it an answer, a part of one or the end of the
connection, and ends its use. Since the loop may have been held up for a while, `is_silent` also asks the kernel.

*Closed*: by `abort` always, never by a farewell: TLS would wait for the answer to its own, and keep the socket until
then.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import h11

from unichat.transport import limits
from unichat.transport.error_text import describe_error
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress
from unichat.transport.h11.response_reader import ResponseReader

_MOST_UNREAD = 65_536
"""Bytes that may wait to be parsed while reading goes on."""


class Connection(asyncio.BufferedProtocol):
    """A connected socket. One attempt uses it at a time.

    Args:
        opened: the socket.
        buffer: where the event loop puts what it has read. All connections of a loop can share one: what is in it is
            copied before anything else is read. A buffer for each reading would be allocated at full size first.

    Attributes:
        transport: asyncio's, the innermost one where there is TLS.
        is_lost: whether the loop has closed its socket.
        idle_since: when its last exchange ended, by the loop's clock.
        on_useless: called when it cannot be used (again): it has ended, or something came that nobody asked for.
    """

    __slots__ = (
        "_buffer", "_ended", "_error", "_paused", "_pending", "_progress", "_reader",
        "idle_since", "is_lost", "on_useless", "socket", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, opened: socket.socket, buffer: memoryview) -> None:
        self.socket = opened
        self.is_lost = False
        self.idle_since = 0.0
        self.on_useless: Callable[[Connection], None] | None = None
        self._buffer = buffer
        self._pending = bytearray()
        self._progress: TaskProgress | None = None
        self._reader: ResponseReader | None = None
        self._ended = False
        self._error: Exception | None = None
        self._paused = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; with TLS, after the handshake."""
        # uvloop's are not of asyncio's class.
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Keep what has come for the attempt that waits for it."""
        if self._progress is None:
            self._useless()
            return
        self._pending += self._buffer[:nbytes]
        if len(self._pending) > _MOST_UNREAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._progress.wake()

    def eof_received(self) -> None:
        """Nothing more comes; the transport closes itself."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed; `exc` says what broke, if anything did."""
        self.is_lost = True
        self._end(exc)
        if self.on_useless is not None:
            self.on_useless(self)

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended, self._error = True, error
        if self._progress is None:
            self._useless()
        else:
            self._progress.wake()

    def _useless(self) -> None:
        self.abort()
        if self.on_useless is not None:
            self.on_useless(self)

    # What the pool asks

    def is_silent(self) -> bool:
        """Whether it is still there, and nothing came on it unasked: neither to the loop nor to the kernel."""
        if self._ended or self.transport.is_closing():
            return False
        try:
            # Also the end of the connection would be something: no bytes.
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def abort(self) -> None:
        """Close it at once, whatever it is doing."""
        self.transport.abort()

    def close_socket(self) -> None:
        """Close it without its event loop, which has ended."""
        self.socket.close()
        del self.transport

    # One exchange

    def begin(self, progress: TaskProgress, head: bytes, body: bytes = b"") -> None:
        """Send a request. It is not waited for: the answer may come before it is out, and the rest is not wanted then.

        Raises:
            AttemptFailed: nothing was sent, since the connection has ended.
        """
        if self._ended or self.transport.is_closing():
            raise AttemptFailed("unsent", self._words())
        self._progress = progress
        # In one packet, which wakes the server once; a large body is not worth the copy.
        together = len(body) <= limits.LARGE_REQUEST
        self.transport.write(head + body if together else head)
        if self.transport.is_closing():
            # asyncio writes at once what the kernel takes, and it took nothing.
            raise AttemptFailed("unsent", self._words())
        if not together:
            self.transport.write(body)

    async def read_head(self) -> h11.Response:
        """Wait for the head of the final answer.

        Raises:
            AttemptFailed, AttemptStopped: there is none.
        """
        while True:
            if self._pending:
                head = self._feed().read_head()
                if head is not None:
                    return head
            if self._ended:
                if self._error is not None:
                    raise AttemptFailed("reset", self._words())
                if self._reader is None:
                    raise AttemptFailed("closed")
                raise AttemptFailed("head", self._words())
            await self.wait()

    def read_available(self) -> bytes:
        """Return what has come of the body. Not waited for: empty where nothing has.

        Raises:
            AttemptFailed: it is broken, or broke off. What came before was returned.
        """
        reader = self._feed()
        try:
            piece = reader.read_body()
        except AttemptFailed as error:
            if self._ended:
                error.detail = self._words()
            raise
        # After an error, a body without a length must not pass for one that has ended.
        if self._ended and not piece and not reader.complete:
            raise AttemptFailed("truncated", self._words())
        return piece

    @property
    def complete(self) -> bool:
        """Whether the whole answer has been read."""
        return self._reader is not None and self._reader.complete

    def _feed(self) -> ResponseReader:
        """Have what has come parsed, and go on reading."""
        reader = self._reader
        if reader is None:
            reader = self._reader = ResponseReader()
        if self._pending:
            reader.feed(self._pending)
            self._pending = bytearray()
        if self._ended and self._error is None:
            reader.feed(self._pending)
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return reader

    def _words(self) -> str:
        return describe_error(self._error) if self._error is not None else "it ended too early"

    @property
    def has_surplus(self) -> bool:
        """Whether more came than the head that was read."""
        return bool(self._pending) or (self._reader is not None and self._reader.has_surplus)

    async def wait(self) -> None:
        """Wait until more has come, or the end.

        Raises:
            AttemptStopped: the attempt ended before.
        """
        assert self._progress is not None
        if not self._ended and not await self._progress.wait():
            raise AttemptStopped

    def finish(self) -> bool:
        """End the exchange; return whether the connection can be used for another."""
        reusable = (
            self._reader is not None
            and self._reader.keeps_connection
            and not self._ended
            and not self._pending
            and not self.transport.is_closing()
            # The answer came before the request was out.
            and not self.transport.get_write_buffer_size()
        )
        self._reader = self._progress = None
        if self._pending:
            self._pending = bytearray()
        return reusable
