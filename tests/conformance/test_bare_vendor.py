"""The suite passes for a vendor that has nothing but answers: no users, threads, ids, ratings, history or key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from unichat import AsyncClient, Client
from unichat.adapter import (
    Adapter,
    Backend,
    Capabilities,
    ChatCall,
    CommonSettings,
    EndpointContext,
    Endpoints,
    ErrorResponse,
    Fields,
    Flow,
    Operation,
    Replay,
    Reply,
    ask,
    drop_unsupported,
    http_url,
    setting,
)
from unichat.config import ResolvedConfig, resolve
from unichat.connecting import build_async_client, build_client
from unichat.models import Answer
from unichat.testing import AdapterConformance, FaultServer, json_answer
from unichat.transport.base import HttpRequest


@frozen(kw_only=True)
class BareSettings(CommonSettings):
    base_url: str = setting(default="https://bare.example", check=http_url, help="Where it is.")


def detect_error(reply: Reply) -> ErrorResponse | None:
    return None if 200 <= reply.status < 300 else ErrorResponse(status=reply.status)


endpoints = Endpoints("bare", detect_error)


@endpoints.add("POST", "/answer", Replay.ASK, reference="Answer")
def answer(endpoint: EndpointContext, *, text: str) -> Operation[Answer]:
    """Answer a question."""
    return endpoint.operation(read_answer, body={"text": text})


def read_answer(reply: Reply) -> Answer:
    fields = Fields(reply.json())
    return Answer(text=fields.require_text("answer"), raw=fields.raw)


@frozen
class BareAdapter(Adapter):
    settings: BareSettings

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(feedback=False, history=False)

    @property
    def credential(self) -> None:
        """There is no key."""

    def chat(self, call: ChatCall) -> Flow[Answer]:
        call = drop_unsupported(call, "thread", "user", "metadata", reason="Bare takes a question only")
        return ask(answer(text=call.question))


BACKEND = Backend(name="bare", title="Bare", settings=BareSettings, build=BareAdapter, endpoints=endpoints)


def reply_to(request: HttpRequest) -> Reply:
    return json_answer({"answer": f"You asked: {json.loads(request.body or b'{}')['text']}"})


_servers: list[FaultServer] = []


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with FaultServer(reply_to, ["good"]) as started:
        _servers[:] = [started]
        yield


def resolve_settings(settings: dict[str, Any]) -> ResolvedConfig:
    given = {"base_url": _servers[0].url, **settings}
    return resolve("bare", settings=given, environ={}, find=lambda name: BACKEND)


class TestBare(AdapterConformance):
    def connect(self, **settings: Any) -> Client:
        return build_client(resolve_settings(settings))

    def connect_async(self, **settings: Any) -> AsyncClient:
        return build_async_client(resolve_settings(settings))
