"""Cuts a stream of bytes into records, wherever the network cut it.

A long record that comes in small pieces is what to take care of: searching or copying all of it again with each piece
would take a time that grows with the square of its length. Here each byte is searched once, and copied a few times.
"""

from __future__ import annotations

from typing import Protocol


class Splitter(Protocol):
    """Bytes in, whole records out."""

    pending: int
    """How many bytes of an incomplete record are here."""

    @property
    def rest(self) -> bytes:
        """The incomplete record."""
        ...

    def split(self, data: bytes) -> list[bytes]:
        """Return the records that `data` completes, without what separates them."""
        ...


class DelimiterSplitter:
    """Records that are each followed by `delimiter`, which may itself be cut."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._buffer = bytearray()
        # Those that were searched: what may be the beginning of a delimiter does not count.
        self.pending = 0

    @property
    def rest(self) -> bytes:
        """The incomplete record."""
        return bytes(self._buffer)

    def split(self, data: bytes) -> list[bytes]:
        """Return the records that `data` completes, without their delimiters."""
        if self._buffer:
            self._buffer += data
            if self._buffer.find(self._delimiter, self.pending) < 0:
                self.pending = max(0, len(self._buffer) - len(self._delimiter) + 1)
                return []
            data = bytes(self._buffer)
        records = data.split(self._delimiter)
        if rest := records.pop():
            self._buffer, self.pending = bytearray(rest), max(0, len(rest) - len(self._delimiter) + 1)
        elif self._buffer:
            self._buffer, self.pending = bytearray(), 0
        return records


class LineSplitter:
    """Lines that end with LF, CR or CRLF; a CRLF may be cut in two."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._after_cr = False
        self.pending = 0

    @property
    def rest(self) -> bytes:
        """The incomplete line."""
        return bytes(self._buffer)

    def split(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends."""
        if not data:
            return []
        if self._after_cr and data.startswith(b"\n"):
            # The CR has ended the line already.
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        if data.endswith((b"\n", b"\r")):
            rest = b""
        else:
            rest = lines.pop() if lines else b""
        if lines and self._buffer:
            lines[0] = bytes(self._buffer + lines[0])
            self._buffer = bytearray()
        self._buffer += rest
        self.pending = len(self._buffer)
        return lines
