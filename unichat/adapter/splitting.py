"""Cuts a stream of bytes into records, wherever the network cut it.

A long record that comes in small pieces is what to take care of: searching or copying all of it again with each piece
would take a time that grows with the square of its length. Here each byte is searched once, and copied a few times.
"""

from __future__ import annotations

from typing import Protocol


class Splitter(Protocol):
    """Bytes in, whole records out."""

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete record are here."""
        ...

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
        self._searched = 0

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete record are here; what may be the beginning of a delimiter does not count."""
        return self._searched

    @property
    def rest(self) -> bytes:
        """The incomplete record."""
        return bytes(self._buffer)

    def split(self, data: bytes) -> list[bytes]:
        """Return the records that `data` completes, without their delimiters."""
        self._buffer += data
        if self._buffer.find(self._delimiter, self._searched) < 0:
            records, rest = [], self._buffer
        else:
            *records, last = bytes(self._buffer).split(self._delimiter)
            rest = bytearray(last)
        self._buffer, self._searched = rest, max(0, len(rest) - len(self._delimiter) + 1)
        return records


class LineSplitter:
    """Lines that end with LF, CR or CRLF; a CRLF may be cut in two."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._after_cr = False

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete line are here."""
        return len(self._buffer)

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
        return lines
