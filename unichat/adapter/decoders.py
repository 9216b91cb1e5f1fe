"""Decoders of streams by their format: server-sent events, JSON Lines, and JSON records with a delimiter."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from unichat._text.decoding import decode_json
from unichat.adapter.record_decoder import NO_RECORD, RecordDecoder
from unichat.adapter.splitting import DelimiterSplitter, LineSplitter, Splitter
from unichat.adapter.streaming import StreamFailure
from unichat.errors import InvalidResponse


class DelimitedJson(RecordDecoder):
    """Decodes JSON records, each followed by `delimiter`. `on_record` takes the decoded JSON.

    A record without its delimiter is not whole. Blank records are signs of life.

    Attributes:
        delimiter: what follows each record, and stands in none.
    """

    delimiter: ClassVar[bytes]

    def _make_splitter(self) -> Splitter:
        return DelimiterSplitter(self.delimiter)

    def _complete_record(self, piece: bytes) -> Any:
        self._check_size(len(piece))
        if not piece or piece.isspace():
            self.signs_of_life += 1
            return NO_RECORD
        if self.end_mark is not None and len(piece) < 100 and piece.strip() == self.end_mark:
            self.ended = True
            return NO_RECORD
        try:
            return decode_json(piece)
        except InvalidResponse as error:
            problem = error.message
        # Not within the handler: it would keep the record.
        raise StreamFailure("record", problem)


class JsonLines(DelimitedJson):
    """Decodes JSON Lines: a JSON value on each line. `on_record` takes the decoded JSON.

    A line ends with LF, CR or CRLF; the last one may lack it. Blank lines are signs of life.
    Source: jsonlines.org.
    """

    def _make_splitter(self) -> Splitter:
        return LineSplitter()

    def _last_record(self) -> Any:
        rest = self._splitter.rest
        if not rest.strip():
            return NO_RECORD
        self._splitter = self._make_splitter()
        try:
            return self._complete_record(rest)
        except StreamFailure:
            self._cut = True
            return NO_RECORD


@define
class ServerSentEvent:
    """One event, as the vendor sent it.

    Attributes:
        event: its type; `message` where the vendor names none.
        payload: its data, undecoded; lines are joined by LF.
        id: the id of this event or of the last one that had one; empty for none.
        retry: milliseconds that the vendor asks to wait before connecting again; None where it does not.
    """

    event: str
    payload: bytes = field(repr=False)
    id: str = ""
    retry: int | None = None
    _decoded: list[Any] = field(factory=list, init=False, repr=False, eq=False)

    @property
    def data(self) -> str:
        """The data as text.

        Raises:
            InvalidResponse: it is not UTF-8.
        """
        return _decode_text(self.payload)

    def json(self) -> Any:
        """Return the data's JSON, decoded once.

        Raises:
            InvalidResponse: it is not JSON.
        """
        if not self._decoded:
            self._decoded.append(decode_json(self.payload))
        return self._decoded[0]

    @property
    def raw(self) -> Any:
        """The data's JSON if it was read as such, otherwise its text."""
        return self._decoded[0] if self._decoded else self.data


class ServerSentEvents(RecordDecoder):
    """Decodes server-sent events. `on_record` takes a `ServerSentEvent`, whose `json()` is the data's JSON.

    Lines end with LF, CR or CRLF, and the blank line after the last event may be missing. A comment is a sign of life,
    and so is an event without data; `data: [DONE]` is the end (`end_mark`). The limit is that of an event, all of its
    lines together. Source: HTML Standard, 9.2 'Server-sent events'.
    """

    def __init__(self, record_limit: int) -> None:
        super().__init__(record_limit)
        self._is_first_line = True
        self._event = b""
        self._data: list[bytes] = []
        self._id = ""
        self._retry: int | None = None

    def _make_splitter(self) -> Splitter:
        return LineSplitter()

    def _complete_record(self, piece: bytes) -> Any:
        if self._is_first_line:
            self._is_first_line = False
            piece = piece.removeprefix(b"\xef\xbb\xbf")
        if not piece:
            return self._dispatch()
        self._check_size(self._size + len(piece))
        if piece.startswith(b":"):
            self.signs_of_life += 1
            return NO_RECORD
        self._size += len(piece)
        name, _, value = piece.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = self._decode_field(value)
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self._retry = int(value)
        # Any other field is ignored, as the standard wants it.
        return NO_RECORD

    def _dispatch(self) -> Any:
        """Return the event that a blank line completes, or `NO_RECORD`."""
        event, data, retry = self._event, self._data, self._retry
        self._event, self._data, self._size, self._retry = b"", [], 0, None
        payload = data[0] if len(data) == 1 else b"\n".join(data)
        if not data or not (event or payload.strip()):
            self.signs_of_life += 1
            return NO_RECORD
        if self.end_mark is not None and len(payload) < 100 and payload.strip() == self.end_mark:
            self.ended = True
            return NO_RECORD
        return ServerSentEvent(self._decode_field(event) or "message", payload, self._id, retry)

    def _decode_field(self, value: bytes) -> str:
        try:
            return _decode_text(value)
        except InvalidResponse as error:
            problem = error.message
        raise StreamFailure("record", problem)

    @property
    def records(self) -> list[Any]:
        """The events' data so far: JSON where it was read as such."""
        return [record.raw for record in self._records]

    def _last_record(self) -> Any:
        rest = self._splitter.rest
        if rest:
            self._splitter = self._make_splitter()
            self._complete_record(rest)
        return self._dispatch() if self._data else NO_RECORD


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        problem = error.reason
    raise InvalidResponse(f"the answer is not valid UTF-8 ({problem})", kind="encoding")
