"""Decoders of streams by their format: server-sent events, JSON Lines, and JSON records with a delimiter.

An adapter derives from one of the three and writes `on_record`, which makes an event of a record:

    class Decoder(ServerSentEvents):
        def on_record(self, record):
            row = Fields(record.json())
            self.answer_id = row.id("id") or self.answer_id
            return StreamEvent(type="text", text=row.text("delta") or "", raw=row.raw)

The base class knows the rest: the text, which is that of the events joined, the end, the limit, and the answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from attrs import define, field

from unichat._text.decoding import decode_json
from unichat.adapter.splitting import DelimiterSplitter, LineSplitter, Splitter
from unichat.adapter.streaming import StreamFailure
from unichat.errors import InvalidResponse, UnichatError
from unichat.models import Answer, Source, StreamEvent, ThreadRef

_NO_RECORD = object()
"""What stands for a piece that completes no record: None is JSON's null."""


class RecordDecoder(ABC):
    """The base class of decoders: `on_record` makes events of records, and the rest is known here.

    Attributes:
        end_mark: the record that is the end and nothing else, such as `[DONE]`; None for none.
        ends_with_body: whether the vendor marks no end, so that the stream is whole if its body ended properly.
        sources, answer_id, thread, uncertain: of the answer, as far as they have come: set by `on_record`.
        ended: whether this is certainly the end: set by `on_record` with the vendor's last record. Nothing is read
            after it, whatever becomes of the connection.
        signs_of_life: how many comments, empty records and records without an event there were.
    """

    end_mark: ClassVar[bytes | None] = b"[DONE]"
    ends_with_body: ClassVar[bool] = False

    def __init__(self, record_limit: int) -> None:
        self.sources: tuple[Source, ...] = ()
        self.answer_id: str | None = None
        self.thread: ThreadRef | None = None
        self.uncertain: bool | None = None
        self.ended = False
        self.signs_of_life = 0
        self._records: list[Any] = []
        self._record_limit = record_limit
        self._splitter = self._make_splitter()
        self._texts: list[str] = []
        self._size = 0
        """Bytes of an incomplete record, besides those that the splitter has."""
        self._cut = False
        """Whether the body ended within a record."""

    @abstractmethod
    def on_record(self, record: Any) -> StreamEvent | None:
        """Return the event of a record; None for one that says nothing, such as a ping.

        Raises:
            StreamFailure: the record is the vendor's report of a failure.
            UnichatError: it cannot be read, as `Fields` finds.
        """

    @abstractmethod
    def _make_splitter(self) -> Splitter:
        """Return what cuts the bytes into the pieces that `_complete_record` takes."""

    @abstractmethod
    def _complete_record(self, piece: bytes) -> Any:
        """Return the record that a piece completes, or `_NO_RECORD`; note signs of life and the end mark."""

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Yield the events that `data` completes.

        Raises:
            StreamFailure: a record cannot be read, is over the limit, or is the vendor's own report of a failure.
        """
        if self.ended:
            return
        for piece in self._splitter.split(data):
            if (record := self._complete_record(piece)) is not _NO_RECORD:
                event = self._read(record)
                if event is not None:
                    yield event
            if self.ended:
                return
        self._check_size(self._size + self._splitter.pending)

    def _read(self, record: Any) -> StreamEvent | None:
        try:
            event = self.on_record(record)
        except UnichatError as error:
            problem = error.message
        else:
            if event is None:
                self.signs_of_life += 1
                return None
            if event.replaces:
                self._texts.clear()
            self._texts.append(event.text)
            self._records.append(record)
            return event
        # Not within the handler: it would keep the record.
        raise StreamFailure("record", problem)

    def flush(self) -> Iterator[StreamEvent]:
        """Yield the event of a last record that lacks only what ends it: called when the body ended properly."""
        record = _NO_RECORD if self.ended else self._last_record()
        if record is _NO_RECORD:
            return
        try:
            event = self._read(record)
        except StreamFailure as failure:
            if failure.kind != "record":
                raise
            # It lacked more than that.
            self._cut = True
            return
        if event is not None:
            yield event

    def _last_record(self) -> Any:
        """Return what the rest stands for as a record, or `_NO_RECORD`."""
        return _NO_RECORD

    def _check_size(self, length: int) -> None:
        if length > self._record_limit:
            raise StreamFailure("too_large", f"a record of more than {self._record_limit:,} bytes")

    @property
    def within_record(self) -> bool:
        """Whether what has come ends within a record."""
        return self._cut or bool(self._splitter.rest.strip())

    @property
    def complete(self) -> bool:
        """Whether everything that the vendor promises has come, so that an idle stream may count as ended."""
        return self.ended

    def end(self) -> str | None:
        """Return why the stream may not end here, or None if it may: called when the body ended properly."""
        if self.ended:
            return None
        if self.within_record:
            return "it ended in the middle of a record"
        if not self._records:
            return "it ended before its first record"
        return None if self.ends_with_body else "it ended without its end mark"

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far, decoded; those without an event are left out."""
        return self._records

    @property
    def text(self) -> str:
        """The text so far: that of all events, joined as `unichat.join_text` joins it."""
        return "".join(self._texts)

    def answer(self) -> Answer:
        """Return the answer so far."""
        return Answer(
            text=self.text,
            id=self.answer_id,
            thread=self.thread,
            sources=self.sources,
            uncertain=self.uncertain,
            raw=list(self.records),
        )

    def partial(self) -> Answer:
        """Return what has come of the answer, where the stream breaks."""
        return self.answer()

    def result(self) -> Any:
        """Return the result: the answer, unless an adapter makes it something else."""
        return self.answer()


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
            return _NO_RECORD
        if self.end_mark is not None and len(piece) < 100 and piece.strip() == self.end_mark:
            self.ended = True
            return _NO_RECORD
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
            return _NO_RECORD
        self._splitter = self._make_splitter()
        try:
            return self._complete_record(rest)
        except StreamFailure:
            self._cut = True
            return _NO_RECORD


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
            return _NO_RECORD
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
        return _NO_RECORD

    def _dispatch(self) -> Any:
        """Return the event that a blank line completes, or `_NO_RECORD`."""
        event, data, retry = self._event, self._data, self._retry
        self._event, self._data, self._size, self._retry = b"", [], 0, None
        payload = data[0] if len(data) == 1 else b"\n".join(data)
        if not data or not (event or payload.strip()):
            self.signs_of_life += 1
            return _NO_RECORD
        if self.end_mark is not None and len(payload) < 100 and payload.strip() == self.end_mark:
            self.ended = True
            return _NO_RECORD
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
        return self._dispatch() if self._data else _NO_RECORD


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        problem = error.reason
    raise InvalidResponse(f"the answer is not valid UTF-8 ({problem})", kind="encoding")
