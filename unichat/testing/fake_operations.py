"""What a `FakeBackend` sends its scripted vendor, and how the answers are read: its operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unichat.adapter import (
    ErrorResponse,
    Fields,
    JsonLines,
    Operation,
    Replay,
    Reply,
    Request,
    StreamOperation,
    encode_json,
)
from unichat.models import Answer, Comment, Exchange, Feedback, Rating, Source, StreamEvent, ThreadRef

NAME = "fake"


class _Decoder(JsonLines):
    end_mark = None

    def on_record(self, record: Any) -> StreamEvent | None:
        fields = Fields(record)
        if not fields.boolean("end"):
            return StreamEvent(type="text", text=fields.require_text("text"), raw=fields.raw)
        answer = _build_answer(fields, "")
        self.answer_id, self.thread, self.ended = answer.id, answer.thread, True
        self.sources, self.uncertain = answer.sources, answer.uncertain
        return StreamEvent(type="sources", sources=answer.sources, raw=fields.raw) if answer.sources else None


def _request(path: str, number: int, body: Mapping[str, Any]) -> Request:
    return Request("POST", path, body=encode_json({"call": number, **body}, "the call"))


def build_operation(name: str, replay: Replay, number: int, body: Mapping[str, Any], parse: Any) -> Operation[Any]:
    """Return the operation that sends a call, by its number and arguments, to the scripted vendor."""
    return Operation(
        backend=NAME,
        name=name,
        replay=replay,
        request=_request(f"/{name}", number, body),
        detect_error=detect_error,
        parse=parse,
    )


def build_stream_operation(number: int, body: Mapping[str, Any]) -> StreamOperation[Answer]:
    """Return the operation that asks for a streamed answer."""
    return StreamOperation(
        backend=NAME,
        name="stream",
        replay=Replay.ASK,
        request=_request("/stream", number, body),
        detect_error=detect_error,
        decoder=_Decoder,
    )


def detect_error(reply: Reply) -> ErrorResponse | None:
    """Return the failure that any status but a 2xx is; None for a success."""
    return None if 200 <= reply.status < 300 else ErrorResponse(status=reply.status)


def read_answer(reply: Reply) -> Answer:
    """Return the answer that a whole reply holds."""
    fields = Fields(reply.json())
    return _build_answer(fields, fields.require_text("text"))


def _build_answer(fields: Fields, text: str) -> Answer:
    return Answer(
        text=text,
        id=fields.require_id("id"),
        thread=ThreadRef(NAME, fields.require_id("thread"), scope=fields.text("scope")),
        sources=fields.objects("sources", _read_source),
        uncertain=fields.boolean("uncertain"),
        raw=fields.raw,
    )


def _read_source(fields: Fields) -> Source:
    return Source(url=fields.text("url"), title=fields.text("title"))


def read_row(fields: Fields, *, timestamps: bool) -> Exchange:
    """Return a row of the history; `timestamps`: whether it has its time."""
    answer = _build_answer(fields, fields.require_text("text"))
    return Exchange(
        question=fields.require_text("question"),
        answer=answer.text,
        id=answer.id,
        thread=answer.thread,
        created_at=fields.time("at") if timestamps else None,
        sources=answer.sources,
        uncertain=answer.uncertain,
        feedback=fields.objects("ratings", _read_rating),
        raw=fields.raw,
    )


def _read_rating(fields: Fields) -> Feedback:
    comment = fields.text("comment")
    return Feedback(
        rating=Rating(fields.require_text("rating")),
        comment=None if comment is None else Comment(comment),
        raw=fields.raw,
    )
