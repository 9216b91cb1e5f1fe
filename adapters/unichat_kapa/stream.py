"""Decodes Kapa's streams: UTF-8 JSON records, each followed by U+241E. Source: Kapa reference, 'Chat streamed'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unichat.adapter import Fields, StreamFailure, decode_json, trimmed
from unichat.errors import InvalidResponse
from unichat.models import Answer, Source, StreamEvent, ThreadRef
from unichat_kapa.models import read_sources

DELIMITER = "\u241e".encode()
"""SYMBOL FOR RECORD SEPARATOR, bytes E2 90 9E: not U+001E. A JSON writer escapes it within a record."""
_TYPES = {"partial_answer": "text", "relevant_sources": "sources"}


class Decoder:
    """Bytes in, events out, wherever the bytes are cut: they are buffered, split at the delimiter, and then decoded."""

    def __init__(self, record_limit: int, thread_id: str | None = None) -> None:
        self._record_limit = record_limit
        self._thread_id = thread_id
        self._buffer = bytearray()
        self._searched = 0
        self._texts: list[str] = []
        self._sources: tuple[Source, ...] = ()
        self._answer_id: str | None = None
        self._uncertain: bool | None = None
        self._end_seen = False
        self.records: list[Any] = []

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Yield the events that `data` completes.

        Raises:
            StreamFailure: a record that cannot be read or is over the limit, or Kapa's own `error` record.
        """
        self._buffer += data
        # Each byte is searched once, not again with every piece: a long record in small pieces would take too long.
        if self._buffer.find(DELIMITER, self._searched) < 0:
            self._searched = max(0, len(self._buffer) - len(DELIMITER) + 1)
            # What may be the beginning of a delimiter does not count.
            self._check_size(self._searched)
            return
        *records, rest = bytes(self._buffer).split(DELIMITER)
        self._buffer, self._searched = bytearray(rest), max(0, len(rest) - len(DELIMITER) + 1)
        for record in records:
            self._check_size(len(record))
            if record and not record.isspace():
                yield self._decode_record(record)
        self._check_size(self._searched)

    def _check_size(self, length: int) -> None:
        if length > self._record_limit:
            raise StreamFailure("too_large", f"a record of more than {self._record_limit:,} bytes")

    def _decode_record(self, record: bytes) -> StreamEvent:
        try:
            value = decode_json(record)
            chunk = Fields(Fields(value).raw.get("chunk"), "/chunk")
        except InvalidResponse as error:
            problem = error.message
        else:
            event = self._read_chunk(chunk, value)
            self.records.append(value)
            self._end_seen = self._end_seen or chunk.boolean("stream_end") is True
            return event
        raise StreamFailure("record", problem)

    def _read_chunk(self, chunk: Fields, record: Any) -> StreamEvent:
        kind = chunk.text("type") or ""
        content = chunk.raw.get("content")
        if kind == "partial_answer" and isinstance(content, dict) and len(content) == 1 and "text" in content:
            # Nearly every record is like this, and holds nothing else.
            text = content["text"] if isinstance(content["text"], str) else ""
            self._texts.append(text)
            return StreamEvent(type="text", text=text, raw=record)
        try:
            return self._read_content(
                kind, Fields(content if isinstance(content, dict) else {}, "/chunk/content"), record
            )
        except InvalidResponse as error:
            problem = error.message
        raise StreamFailure("record", problem)

    def _read_content(self, kind: str, content: Fields, record: Any) -> StreamEvent:
        if kind == "error":
            raise StreamFailure("vendor", trimmed(content.text("reason") or "the vendor gave no reason"))
        # By content rather than by type: the reference shows sources in records of type partial_answer.
        text = (content.text("text") or "") if kind == "partial_answer" else ""
        sources = read_sources(content)
        self._texts.append(text)
        self._sources = sources or self._sources
        self._thread_id = content.id("thread_id") or self._thread_id
        self._answer_id = content.id("question_answer_id") or self._answer_id
        is_uncertain = content.boolean("is_uncertain")
        self._uncertain = self._uncertain if is_uncertain is None else is_uncertain
        return StreamEvent(type=_TYPES.get(kind, kind), text=text, sources=sources, raw=record)

    @property
    def complete(self) -> bool:
        """Whether a record marked the end, the identifiers have come, and no record is incomplete."""
        return self._end_seen and self._answer_id is not None and not self._buffer.strip()

    def end(self) -> str | None:
        """Return why the stream may not end here, or None. `stream_end` is not enough: all samples have it."""
        if self._buffer.strip():
            return "it ended in the middle of a record"
        if not self._end_seen and self._answer_id is None:
            return "it ended without its end mark and without identifiers"
        return None

    def result(self) -> Answer:
        """Return the answer so far."""
        return Answer(
            text="".join(self._texts),
            id=self._answer_id,
            thread=ThreadRef("kapa", self._thread_id) if self._thread_id else None,
            sources=self._sources,
            uncertain=self._uncertain,
            raw=list(self.records),
        )
