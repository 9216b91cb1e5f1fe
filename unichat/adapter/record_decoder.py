"""What all decoders of records know: text, ids, signs of life, the limit, and the end.

An adapter derives from one of the formats in `decoders` and writes `on_record`, which makes an event of a record:

    class Decoder(ServerSentEvents):
        def on_record(self, record):
            row = Fields(record.json())
            self.answer_id = row.id("id") or self.answer_id
            return StreamEvent(type="text", text=row.text("delta") or "", raw=row.raw)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from unichat.adapter.splitting import Splitter
from unichat.adapter.streaming import StreamFailure
from unichat.errors import UnichatError
from unichat.models import Answer, Source, StreamEvent, ThreadRef

NO_RECORD = object()
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
        """Return the record that a piece completes, or `NO_RECORD`; note signs of life and the end mark."""

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Yield the events that `data` completes.

        Raises:
            StreamFailure: a record cannot be read, is over the limit, or is the vendor's own report of a failure.
        """
        if self.ended:
            return
        for piece in self._splitter.split(data):
            if (record := self._complete_record(piece)) is not NO_RECORD:
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
        record = NO_RECORD if self.ended else self._last_record()
        if record is NO_RECORD:
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
        """Return what the rest stands for as a record, or `NO_RECORD`."""
        return NO_RECORD

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
