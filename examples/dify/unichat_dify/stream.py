"""Decodes Dify's streams: server-sent events, whose data says of which kind they are."""

from unichat.adapter import ErrorResponse, Fields, ServerSentEvent, ServerSentEvents, StreamFailure
from unichat.models import StreamEvent, ThreadRef
from unichat_dify.models import read_sources


def read_error(fields: Fields, status: int) -> ErrorResponse:
    """Read `{"code", "message", "status"}`. For a quota that is used up, Dify's 400 would blame the question."""
    code, message = fields.text("code"), fields.text("message") or ""
    missing = {"Conversation Not Exists.": "thread", "Message Not Exists.": "answer"}
    quota = code == "provider_quota_exceeded"
    what = missing.get(message, "route")
    return ErrorResponse(
        status=status, means=429 if quota else None, retry=not quota, message=message, code=code, what=what
    )


class Decoder(ServerSentEvents):
    """Makes events and an answer of chunks. Source: Dify reference, 'Send Chat Message', streaming mode."""

    def __init__(self, record_limit: int, user: str) -> None:
        super().__init__(record_limit)
        self._user = user

    def on_record(self, record: ServerSentEvent) -> StreamEvent | None:
        """Return the event of a chunk; None for a ping, and for an app's workings."""
        if record.event == "ping":
            return None
        chunk = Fields(record.json())
        kind = chunk.text("event") or ""
        if kind == "error":
            raise StreamFailure(read_error(chunk, chunk.integer("status") or 500))
        if kind not in ("message", "agent_message", "message_replace", "message_end"):
            return None
        self.answer_id = chunk.id("message_id") or self.answer_id
        if conversation := chunk.id("conversation_id"):
            self.thread = ThreadRef("dify", conversation, user=self._user)
        if kind == "message_end":
            self.ended = True
            self.sources = read_sources(chunk)
            return StreamEvent(type="sources", sources=self.sources, raw=chunk.raw)
        text = chunk.text("answer") or ""
        return StreamEvent(type="text", text=text, raw=chunk.raw, replaces=kind == "message_replace")
