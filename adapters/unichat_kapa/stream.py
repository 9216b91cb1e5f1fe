"""Decodes Kapa's streams: UTF-8 JSON records, each followed by U+241E. Source: Kapa reference, 'Chat streamed'."""

from __future__ import annotations

from typing import Any

from unichat.adapter import DelimitedJson, Fields, StreamFailure, shorten
from unichat.models import Answer, StreamEvent, ThreadRef
from unichat_kapa.models import read_source

DELIMITER = "\u241e".encode()
"""SYMBOL FOR RECORD SEPARATOR, bytes E2 90 9E: not U+001E. A JSON writer escapes it within a record."""
_TYPES = {"partial_answer": "text", "relevant_sources": "sources"}


class Decoder(DelimitedJson):
    """Makes events and an answer of Kapa's records."""

    delimiter = DELIMITER
    end_mark = None

    def __init__(self, record_limit: int, thread_id: str | None = None, scope: str | None = None) -> None:
        super().__init__(record_limit)
        self._thread_id = thread_id
        self._scope = scope
        self._end_seen = False

    def on_record(self, record: Any) -> StreamEvent:
        """Return the event of a record."""
        if (text := _plain_text(record)) is not None:
            self._end_seen = self._end_seen or record["chunk"].get("stream_end") is True
            return StreamEvent(type="text", text=text, raw=record)
        chunk = Fields(Fields(record).raw.get("chunk"), "/chunk")
        event = self._read_chunk(chunk, record)
        self._end_seen = self._end_seen or chunk.raw.get("stream_end") is True
        return event

    def _read_chunk(self, chunk: Fields, record: Any) -> StreamEvent:
        kind = chunk.text("type") or ""
        content = chunk.raw.get("content")
        return self._read_content(kind, Fields(content if isinstance(content, dict) else {}, "/chunk/content"), record)

    def _read_content(self, kind: str, content: Fields, record: Any) -> StreamEvent:
        if kind == "error":
            # Kapa gives a reason in words, and no status.
            raise StreamFailure("vendor", shorten(content.text("reason") or "the vendor gave no reason"))
        # By content rather than by type: the reference shows sources in records of type partial_answer.
        text = (content.text("text") or "") if kind == "partial_answer" else ""
        sources = content.objects("relevant_sources", read_source)
        self.sources = sources or self.sources
        self._thread_id = content.id("thread_id") or self._thread_id
        self.answer_id = content.id("question_answer_id") or self.answer_id
        is_uncertain = content.boolean("is_uncertain")
        self.uncertain = self.uncertain if is_uncertain is None else is_uncertain
        return StreamEvent(type=_TYPES.get(kind, kind), text=text, sources=sources, raw=record)

    @property
    def complete(self) -> bool:
        """Whether a record marked the end, the identifiers have come, and no record is incomplete."""
        return self._end_seen and self.answer_id is not None and not self.within_record

    def end(self) -> str | None:
        """Return why the stream may not end here, or None. `stream_end` is not enough: all samples have it."""
        if self.within_record:
            return "it ended in the middle of a record"
        if not self._end_seen and self.answer_id is None:
            return "it ended without its end mark and without identifiers"
        return None

    def answer(self) -> Answer:
        """Return the answer so far."""
        self.thread = ThreadRef("kapa", self._thread_id, scope=self._scope) if self._thread_id else None
        return super().answer()

    def result(self) -> Answer:
        """Return the answer so far."""
        return self.answer()


def _plain_text(record: Any) -> str | None:
    """Return the text of a record that holds nothing else, as nearly all do; None for any other."""
    try:
        chunk = record["chunk"]
        content = chunk["content"]
        if chunk["type"] == "partial_answer" and len(content) == 1 and type(text := content["text"]) is str:
            return text
    except (KeyError, TypeError, IndexError):
        pass
    return None
