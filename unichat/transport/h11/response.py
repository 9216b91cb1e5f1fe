"""An answer whose head is here: what its head says, its body as it comes, and the end of its exchange."""

from __future__ import annotations

import h11

from unichat.adapter import Reply
from unichat.transport import limits
from unichat.transport.base import TransportFailure
from unichat.transport.error_text import describe_error
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.decompression import DecompressionError, Decompressor, Identity, decompressor_for
from unichat.transport.h11.pool import ConnectionPool
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress

_PIECE = 65_536
"""Bytes of a body that are handed out, or unpacked, at a time."""
_ERROR = 400
"""From this status on, it decides, whatever becomes of the body."""
_WITHOUT_BODY = (204, 205, 304)
"""After these a body may follow by mistake, and a while later."""


class HttpResponse:
    """The answer of one exchange. Its connection is free again as soon as the body has come.

    Attributes:
        headers: by lower-case name; values of a repeated one joined by a comma.
        delimited: whether the answer says where its body ends.
    """

    __slots__ = (
        "_connection", "_decompressor", "_failure", "_open", "_pool", "_progress", "_reusable",
        "delimited", "headers", "status",
    )  # fmt: skip

    def __init__(
        self, head: h11.Response, connection: Connection, pool: ConnectionPool, progress: TaskProgress, sent: int
    ) -> None:
        """Take over an exchange.

        Args:
            sent: bytes of the request's body.

        Raises:
            AttemptFailed: nobody may send such a head. The exchange stays with the caller.
        """
        self.status = head.status_code
        self.headers = _validate_headers(head)
        framings = ("transfer-encoding" in self.headers, "content-length" in self.headers)
        self.delimited = any(framings) or self.status in _WITHOUT_BODY
        self._failure: TransportFailure | None = None
        decompressor = decompressor_for(self.headers.get("content-encoding", ""))
        if decompressor is None:
            # One is unpacked, and the bytes of several would be given out as they are.
            problem = AttemptFailed("truncated", "several content encodings")
            if self.status < _ERROR:
                raise problem
            # The status says what matters.
            decompressor, self._failure = Identity(), progress.failure(problem)
        self._decompressor: Decompressor = decompressor
        # Where there are two framings, somebody on the way may have gone by the other one.
        self._reusable = sent <= limits.LARGE_REQUEST and self.status not in _WITHOUT_BODY and not all(framings)
        self._connection, self._pool, self._progress = connection, pool, progress
        self._open = True
        if self.status >= _ERROR:
            progress.limit_idle_timeout(limits.ERROR_BODY_SECONDS)

    async def read(self) -> bytes | TransportFailure | None:
        """Wait for bytes of the body, decompressed; None after a proper end, a failure after any other."""
        if self._failure is not None:
            return self._failure
        try:
            if self._open and self._progress.is_over():
                # Whatever has come: a server that never stops sending must not outlive the deadline. But what has come
                # whole before is whole.
                self._receive()
                if self._open:
                    raise AttemptStopped
            while not (piece := self._take()) and self._open:
                await self._connection.wait()
        except (AttemptFailed, AttemptStopped) as error:
            self._failure = self._progress.failure(error)
            self.close()
            return self._failure
        return piece or None

    async def read_whole(self, limit: int) -> Reply:
        """Wait for the whole body; of an error status, for what comes of it.

        Raises:
            AttemptFailed, AttemptStopped: it broke off, or has more than `limit` bytes.
        """
        body = bytearray()
        cut: str | None = None
        if self.status < _ERROR:
            await self._read_into(body, limit)
        elif self._failure is not None:
            cut = self._failure.kind
        else:
            try:
                await self._read_into(body, limit)
            except (AttemptFailed, AttemptStopped) as error:
                cut = self._progress.failure(error).kind
                if cut == "cancelled":
                    raise
        return Reply(self.status, self.headers, bytes(body), cut)

    async def _read_into(self, body: bytearray, limit: int) -> None:
        while True:
            if piece := self._take():
                if len(body) + len(piece) > limit:
                    raise AttemptFailed("too_large", f"more than {limit:,} bytes")
                body += piece
            elif self._open:
                await self._connection.wait()
            else:
                return

    def reset_idle_timeout(self, seconds: float) -> None:
        """Allow so many seconds of waiting from now on; time that the consumer takes does not count."""
        self._progress.reset_idle_timeout(seconds)

    def close(self) -> None:
        """Give the connection up, unless the body has ended. Closing twice is fine."""
        if self._open:
            self._open = False
            # Somebody may be waiting for more.
            self._progress.stop("cancelled")
            self._connection.finish()
            self._pool.release(self._progress, self._connection, reusable=False)

    def _take(self) -> bytes:
        """Return a piece of the body; empty where none has come, or none is left."""
        try:
            piece = self._decompressor.take(_PIECE)
            # Not before all that came has been unpacked: a little can be a lot.
            if not piece and self._open:
                self._receive()
                piece = self._decompressor.take(_PIECE)
            if not piece and not self._open:
                self._decompressor.finish()
        except DecompressionError as error:
            raise AttemptFailed("truncated", describe_error(error)) from None
        return piece

    def _receive(self) -> None:
        """Take what has come, and release the connection if that is all."""
        self._decompressor.feed(self._connection.read_available())
        if self._connection.complete:
            self._open = False
            reusable = self._connection.finish()
            self._pool.release(self._progress, self._connection, reusable=reusable and self._reusable)


def _validate_headers(head: h11.Response) -> dict[str, str]:
    """Return the headers of a head that is valid: h11 accepts some that HTTP/1.1 does not, and some that are too large.

    Raises:
        AttemptFailed: it is not.
    """
    if not 200 <= head.status_code < 600:
        raise AttemptFailed("head", f"HTTP status {head.status_code} as the final one")
    if not head.http_version.startswith(b"1."):
        raise AttemptFailed("head", "another version of HTTP than was asked for")
    lines = head.headers.raw_items()
    if len(lines) > limits.MOST_HEADERS:
        raise AttemptFailed("head", "it has too many lines")
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        if len(raw_name) + len(raw_value) > limits.LONGEST_LINE:
            raise AttemptFailed("head", "one of its lines is too long")
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
