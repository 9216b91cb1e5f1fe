"""Reads one answer with h11, without I/O: bytes in, the head and the body out, held to the limits of `limits`.

h11 does not write the request: it would validate every constant header again, which takes longer than all the rest
(`request_head` does it, and checks what changes). How an answer is read does not depend on what was asked (of
CONNECT's, only the head is read), and h11 reads a final answer also where it knows of no request, as servers send one
when they time out. Only an interim answer must follow a request: so where one may be coming, h11 is told that *a*
request went out.
"""

from __future__ import annotations

import h11

from unichat.transport import limits
from unichat.transport.h11.progress import AttemptFailed

_A_REQUEST = h11.Request(method="GET", target="/", headers=[("Host", "any")])
_END = h11.EndOfMessage()
_FINAL = tuple(b"HTTP/1.1 %d" % family for family in (2, 3, 4, 5))
"""How an answer begins that is not an interim one, as nearly all do."""
_CHUNK_LINE = 32
"""Bytes around a chunk that are not counted: its size, the ends of lines, a short extension."""


class ResponseReader:
    """One answer.

    Attributes:
        complete: whether all of it has been read.
    """

    __slots__ = ("_broken", "_fed", "_fed_before", "_http", "_interim", "_leftover", "complete")

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.LARGEST_HEAD)
        self.complete = False
        self._broken = False
        self._interim = 0
        # Bytes: all that were fed, those until the last look at the body, and those that h11 had not parsed then.
        self._fed = self._fed_before = self._leftover = 0

    def feed(self, data: bytearray) -> None:
        """Add what has come; empty for the end of the connection, after which nothing may follow."""
        if not self._fed and not data.startswith(_FINAL):
            self._http.send(_A_REQUEST)
            self._http.send(_END)
        # Kept as it is by nobody: h11 copies it.
        self._http.receive_data(data)  # type: ignore[arg-type]
        self._fed += len(data)

    def read_head(self) -> h11.Response | None:
        """Return the head of the final answer, or None where more must be fed first.

        Raises:
            AttemptFailed: it is not one, or too large.
        """
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                raise AttemptFailed("head") from None
            # Not by isinstance(), which is slow: events have an abstract base class.
            if type(event) is h11.Response:
                break
            if type(event) is not h11.InformationalResponse:
                return None
            self._interim += 1
            if self._interim > limits.MOST_INTERIM:
                raise AttemptFailed("head", f"more than {limits.MOST_INTERIM} interim answers")
        self._fed_before, self._leftover = self._fed, len(self._http.trailing_data[0])
        if self._fed - self._leftover > limits.LARGEST_HEAD:
            # h11 limits only what has not come whole yet.
            raise AttemptFailed("head", "it is too long")
        return event

    def read_body(self) -> bytes:
        """Return what has come of the body; empty where more must be fed first, or it is `complete`.

        Raises:
            AttemptFailed: it is broken. What came before was returned.
        """
        pieces = []
        while not (self.complete or self._broken):
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._broken = True
                break
            if type(event) is h11.Data:
                pieces.append(event.data)
            elif type(event) is h11.EndOfMessage:
                self.complete = True
            else:
                break
        if self._is_mostly_framing(pieces):
            self.complete, self._broken = False, True
        if self._broken and not pieces:
            raise AttemptFailed("truncated")
        return b"".join(pieces)

    def _is_mostly_framing(self, pieces: list[bytes]) -> bool:
        """Whether lines between the chunks are too long: h11 limits only what has not come whole yet."""
        before, self._leftover = self._leftover, len(self._http.trailing_data[0])
        framing = before + self._fed - self._fed_before - self._leftover - sum(map(len, pieces))
        self._fed_before = self._fed
        return framing > limits.LONGEST_LINE + _CHUNK_LINE * len(pieces)

    @property
    def has_surplus(self) -> bool:
        """Whether more came than was read."""
        return self._leftover > 0

    @property
    def keeps_connection(self) -> bool:
        """Whether another answer may follow: this one is complete, nothing came behind it, and the server goes on."""
        return self.complete and not self._leftover and self._http.their_state is h11.DONE
