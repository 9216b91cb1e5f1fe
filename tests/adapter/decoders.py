"""A decoder of each format, and all that can be told of a body that it has read."""

from unichat import StreamEvent
from unichat.adapter import DelimitedJson, Fields, JsonLines, ServerSentEvents, StreamFailure

LIMIT = 1000


class Sse(ServerSentEvents):
    """Text, sources and ids by event, and what cannot be read is told by `Fields`."""

    def on_record(self, record):
        if record.event == "ping":
            return None
        if record.event == "raw":
            return StreamEvent(type="raw", text=record.data)
        row = Fields(record.json())
        self.answer_id = row.id("id") or self.answer_id
        self.ended = record.event == "last"
        return StreamEvent(type=record.event, text=row.text("text") or "", raw=row.raw)


class Lines(JsonLines):
    def on_record(self, record):
        if isinstance(record, dict) and "ping" in record:
            return None
        text = record.get("text", "") if isinstance(record, dict) else ""
        return StreamEvent(type="text", text=text, raw=record, replaces=isinstance(record, dict) and "whole" in record)


class Bars(DelimitedJson):
    delimiter = b"||"
    on_record = Lines.on_record


def outcome(make, *pieces, limit=LIMIT):
    """All that can be told of a body that came in these pieces and ended properly."""
    decoder, events, failure = make(limit), [], None
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.flush()
    except StreamFailure as caught:
        failure = (caught.kind, caught.reason)
    told = (decoder.ended, decoder.complete, None if failure else decoder.end(), failure, decoder.signs_of_life)
    return [(event.type, event.text, event.raw) for event in events], decoder.result(), decoder.records, told


def decode(make, *pieces, **how):
    return outcome(make, *pieces, **how)[0]
