"""Decompression of answers, with a limit that holds while it decompresses: no more is unpacked than was asked for."""

from __future__ import annotations

import zlib
from typing import Protocol

ACCEPTED = "gzip, deflate"
"""For `Accept-Encoding`: what the standard library can unpack, and can stop unpacking."""

_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATED = 8
"""In the low half of a zlib stream's first byte. A raw one that begins so is not made by any known program."""
_SLICE = 8_192
"""Bytes that zlib is handed at a time: it copies what is behind the end of a member, and members can be tiny."""


class DecompressionError(Exception):
    """The compressed data is broken, or ends too early."""


class Decompressor(Protocol):
    """Compressed bytes in, bytes out."""

    def feed(self, data: bytes) -> None:
        """Add what has come."""
        ...

    def take(self, most: int) -> bytes:
        """Return bytes of what has come, at most so many; empty where more must be fed first.

        Raises:
            DecompressionError: they are broken.
        """
        ...

    def finish(self) -> None:
        """Say that nothing more will be fed, after `take` has returned all there was.

        Raises:
            DecompressionError: something is missing.
        """
        ...


class ZlibDecompressor:
    """`gzip`, of one or several members, or `deflate`, with or without a zlib header.

    What follows the last member of gzip and is not one is ignored, as gzip itself does.
    """

    __slots__ = ("_at", "_ended", "_gzip", "_input", "_unfinished", "_zlib")

    def __init__(self, encoding: str) -> None:
        self._gzip = encoding == "gzip"
        self._input = b""
        self._at = 0
        self._ended = False
        """Whether a whole member, or the whole of deflate, has come."""
        self._zlib: zlib._Decompress | None = None
        self._unfinished = False
        """Whether zlib may give more of what it has taken already."""

    def feed(self, data: bytes) -> None:
        """Add what has come."""
        self._input = self._input[self._at :] + data
        self._at = 0

    def take(self, most: int) -> bytes:
        """As `Decompressor.take`."""
        while self._at < len(self._input) or self._unfinished:
            unpacker = self._zlib or self._begin()
            if unpacker is None:
                return b""
            piece = self._input[self._at : self._at + _SLICE]
            try:
                unpacked = unpacker.decompress(piece, most)
            except zlib.error:
                raise DecompressionError from None
            # At the end of a member, what is left may stand in both.
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            self._at += len(piece) - len(left)
            self._unfinished = len(unpacked) == most and not unpacker.eof
            if unpacker.eof:
                self._ended, self._zlib = True, None
            if unpacked:
                return unpacked
        return b""

    def _begin(self) -> zlib._Decompress | None:
        """Return what unpacks the next member, or None where there is none (yet)."""
        first = self._input[self._at : self._at + 2]
        if self._ended and not (self._gzip and first == _GZIP_MAGIC):
            if not (self._gzip and first == _GZIP_MAGIC[:1]):
                self._at = len(self._input)
            return None
        if self._gzip:
            wbits = 16 + zlib.MAX_WBITS
        else:
            wbits = zlib.MAX_WBITS if first[0] & 0x0F == _DEFLATED else -zlib.MAX_WBITS
        self._zlib = zlib.decompressobj(wbits)
        return self._zlib

    def finish(self) -> None:
        """As `Decompressor.finish`."""
        # An empty body has no members, whatever its encoding is said to be.
        if self._zlib is not None:
            raise DecompressionError


class Identity:
    """Gives out what comes."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Add what has come."""
        self._data = self._data + data if self._data else data

    def take(self, most: int) -> bytes:
        """Return what has come, at most so many bytes."""
        data = self._data
        if len(data) <= most:
            self._data = b""
            return data
        self._data = data[most:]
        return data[:most]

    def finish(self) -> None:
        """Nothing can be missing."""


def decompressor_for(encoding: str) -> Decompressor | None:
    """Return what unpacks a body with this `Content-Encoding`; None for several, which nobody asked for.

    An unknown one is passed on as it is: its reader finds that it is not what was promised.
    """
    encoding = encoding.strip().lower()
    if "," in encoding:
        return None
    if encoding in ("gzip", "x-gzip"):
        return ZlibDecompressor("gzip")
    return ZlibDecompressor("deflate") if encoding == "deflate" else Identity()
