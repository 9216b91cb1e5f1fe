"""Decodes the stream of a chat completion: server-sent events, whose end is `[DONE]`."""

from unichat.adapter import ErrorResponse, Fields, ServerSentEvent, ServerSentEvents, StreamFailure
from unichat.models import StreamEvent


def read_error(body: dict[str, object] | None, status: int) -> ErrorResponse:
    """Read the object `error`. A quota that is used up is a 429 that waiting does not help."""
    error = (body or {}).get("error")
    fields = Fields(error if isinstance(error, dict) else {})
    return ErrorResponse(
        status=status,
        message=fields.text("message") or "",
        code=fields.text("code") or fields.text("type"),
        argument=fields.text("param"),
        retry=fields.text("code") != "insufficient_quota",
    )


class Decoder(ServerSentEvents):
    """Makes events and an answer of chunks. Source: OpenAI reference, 'Streaming'."""

    def on_record(self, record: ServerSentEvent) -> StreamEvent | None:
        """Return the event of a chunk; None for one without text, such as the first one with the role."""
        chunk = Fields(record.json())
        if "error" in chunk.raw:
            # The stream began with a 200, so the server has failed since.
            raise StreamFailure(read_error(chunk.raw, 500))
        self.answer_id = chunk.id("id") or self.answer_id
        text = chunk.text("/choices/0/delta/content")
        return StreamEvent(type="text", text=text, raw=chunk.raw) if text else None
