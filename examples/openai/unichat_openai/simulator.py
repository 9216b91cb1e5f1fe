"""A server with chat completions, simulated: it knows of a conversation what each request tells it."""

import uuid
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from unichat.sandbox import InvalidJson, Simulator, dump_json, json_response, read_json, split_for_stream

KEY, MODEL = "sk-sandbox", "sandbox"


class OpenAISimulator(Simulator):
    """Chat completions on loopback."""

    name = "openai"

    def app(self) -> ASGIApp:
        """Return the app that answers the two paths."""
        completions = Route("/v1/chat/completions", self._complete, methods=["POST"])
        return Starlette(routes=[completions, Route("/v1/models/{model}", self._retrieve_model)])

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of `unichat.connect("openai", …)`."""
        return {"base_url": f"{self.base_url}/v1", "api_key": KEY, "model": MODEL}

    def secrets(self) -> tuple[str, ...]:
        """Return the one key."""
        return (KEY,)

    async def _retrieve_model(self, request: Request) -> Response:
        return _refuse(request, request.path_params["model"]) or json_response(200, {"id": MODEL})

    async def _complete(self, request: Request) -> Response:
        try:
            body = read_json(await request.body())
            texts = [str(each["content"]) for each in body["messages"] if each["role"] == "user"]
            refusal = _refuse(request, body["model"])
            text = self.answer(texts.pop(), texts).text
        except (InvalidJson, LookupError, TypeError) as error:
            return _error(400, f"invalid body: {error}", "invalid_request")
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "model": MODEL, "created": int(self.clock())}
        if refusal is None and body.get("stream"):
            return StreamingResponse(_chunks(head, text), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return refusal or json_response(200, {**head, "object": "chat.completion", "choices": [choice]})


def _refuse(request: Request, model: object) -> Response | None:
    if request.headers.get("authorization") != f"Bearer {KEY}":
        return _error(401, "Incorrect API key provided.", "invalid_api_key")
    return None if model == MODEL else _error(404, "The model does not exist.", "model_not_found")


def _error(status: int, message: str, code: str) -> Response:
    return json_response(status, {"error": {"message": message, "type": "invalid_request_error", "code": code}})


def _chunks(head: dict[str, Any], text: str) -> Iterator[str]:
    for delta in [{"role": "assistant"}, *({"content": piece} for piece in split_for_stream(text)), {}]:
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        yield f"data: {dump_json({**head, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"
