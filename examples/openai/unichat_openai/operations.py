"""OpenAI's endpoints as operations, in the order of its reference."""

from collections.abc import Mapping, Sequence

from unichat.adapter import EndpointContext, Endpoints, Fields, Operation, Replay, Reply, StreamOperation, drop_none
from unichat.models import Answer
from unichat_openai.stream import Decoder, read_error

Messages = Sequence[Mapping[str, str]]
_MODEL = {"model": "model"}
endpoints = Endpoints(
    "openai", lambda reply: None if reply.status < 300 else read_error(reply.envelope(), reply.status)
)


def _read_completion(reply: Reply) -> Answer:
    fields = Fields(reply.json())
    return Answer(text=fields.require_text("/choices/0/message/content"), id=fields.id("id"), raw=fields.raw)


@endpoints.add("POST", "/chat/completions", Replay.ASK, reference="Create chat completion", from_settings=_MODEL)
def create_completion(
    endpoint: EndpointContext, *, model: str, messages: Messages, user: str | None = None
) -> Operation[Answer]:
    """Answer the last of the messages. Source: OpenAI reference, 'Create chat completion'."""
    return endpoint.operation(_read_completion, body=drop_none(model=model, messages=messages, user=user))


@endpoints.add("POST", "/chat/completions", Replay.ASK, reference="Streaming", from_settings=_MODEL, streamed=True)
def create_completion_streamed(
    endpoint: EndpointContext, *, model: str, messages: Messages, user: str | None = None
) -> StreamOperation[Answer]:
    """Answer the last of the messages, streamed. Source: OpenAI reference, 'Streaming'."""
    body = drop_none(model=model, messages=messages, user=user, stream=True)
    return endpoint.stream(Decoder, body=body, accept="text/event-stream")


@endpoints.add("GET", "/models/{model}", Replay.READ, reference="Retrieve model", from_settings=_MODEL)
def retrieve_model(endpoint: EndpointContext, *, model: str) -> Operation[Fields]:
    """Return what is known of the model. Source: OpenAI reference, 'Retrieve model'."""
    return endpoint.operation(lambda reply: Fields(reply.json()), path={"model": model})
