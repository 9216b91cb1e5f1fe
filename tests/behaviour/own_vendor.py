"""A vendor of a test's own: an adapter put together from functions, and a client of it, sync or async.

Outcomes are scripted (`reply`, a `TransportFailure`, or a function of the request), or come over HTTP from `url`, where
`own_server` serves. Its streams are server-sent events, whose data is JSON: `{"text": …}`, `{"whole": …}` (replaces),
`{"id": …}`, `{"error": …, "status": …, "code": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from tests.behaviour.doubles import reply as reply
from tests.blocking import BlockingClient
from tests.vendors import KEY
from unichat.adapter import (
    Backend,
    Capabilities,
    CommonSettings,
    Credential,
    Endpoints,
    ErrorResponse,
    Fields,
    Operation,
    Replay,
    Reply,
    Request,
    Secret,
    ServerSentEvents,
    StreamFailure,
    StreamOperation,
    ask,
    http_url,
    setting,
)
from unichat.connecting import async_client_for, client_for
from unichat.models import Answer, StreamEvent, ThreadRef
from unichat.testing import AsyncCannedTransport, CannedTransport, FakeClock
from unichat.transport.base import Clock

__all__ = [
    "KEY",
    "Decoder",
    "Own",
    "detect_error",
    "make",
    "operation",
    "read_answer",
    "reply",
    "state_operation",
    "stream_operation",
]


def detect_error(answer: Reply) -> ErrorResponse | None:
    """The status says which error it is, and the body why."""
    if 200 <= answer.status < 300:
        return None
    return ErrorResponse(status=answer.status, message=str((answer.envelope() or {}).get("error", "")))


def read_answer(answer: Reply) -> Answer:
    fields = Fields(answer.json())
    return Answer(text=fields.require_text("text"), id=fields.id("id"), thread=ThreadRef("own", "t-1"), raw=fields.raw)


def operation(
    replay: Replay = Replay.ASK, *, path: str = "/ask", parse: Callable[[Reply], Any] = read_answer, **more: Any
) -> Operation[Any]:
    return Operation(
        **{
            "backend": "own",
            "name": "ask",
            "replay": replay,
            "request": Request("POST", path, body=b"{}"),
            "detect_error": detect_error,
            "parse": parse,
            **more,
        }
    )


class Decoder(ServerSentEvents):
    def on_record(self, record: Any) -> StreamEvent | None:
        if record.event == "ping":
            return None
        row = Fields(record.json())
        if "error" in row.raw:
            status = row.integer("status")
            if status is None:
                raise StreamFailure("vendor", row.require_text("error"))
            raise StreamFailure(ErrorResponse(status=status, message=row.require_text("error"), code=row.text("code")))
        self.answer_id = row.id("id") or self.answer_id
        self.thread = ThreadRef("own", "t-1")
        whole = row.text("whole")
        text = row.text("text") or "" if whole is None else whole
        return StreamEvent(type="text", text=text, raw=row.raw, replaces=whole is not None)


def stream_operation(question: str = "?", decoder: Any = Decoder, replay: Replay = Replay.ASK) -> StreamOperation[Any]:
    return StreamOperation(
        backend="own",
        name="chat_streamed",
        replay=replay,
        request=Request("POST", "/stream", body=json.dumps({"question": question}).encode()),
        detect_error=detect_error,
        decoder=decoder,
    )


def state_operation(path: str = "/state", replay: Replay = Replay.UPSERT, **body: Any) -> Operation[Any]:
    return Operation(
        backend="own",
        name=path.strip("/"),
        replay=replay,
        request=Request("POST", path, body=json.dumps(body).encode()),
        detect_error=detect_error,
        parse=lambda answer: answer.json(),
    )


@frozen(kw_only=True)
class OwnSettings(CommonSettings):
    """Settings of the backend `own`."""

    base_url: str = setting(default="https://own.example", check=http_url, help="Where it is.")
    api_key: Secret | None = setting(default=Secret(KEY), help="The key.")


def _all_capabilities(**but: Any) -> Capabilities:
    booleans = (
        "streaming", "clear_history", "parallel_threads", "history_by_thread", "history_by_user", "sources",
        "uncertainty", "timestamps", "metadata", "user_details", "feedback_comment_on_up",
    )  # fmt: skip
    return Capabilities(**{**dict.fromkeys(booleans, True), "feedback_needs_user": False, **but})


@define
class OwnAdapter:
    """Does what it is given: a neutral call that is not given asks a question."""

    settings: CommonSettings
    given: dict[str, Any] = field(factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        return self.given.get("capabilities") or _all_capabilities()

    @property
    def credential(self) -> Any:
        credential = self.given.get("credential", Credential("X-Token", "", Secret(KEY)))
        return credential(self.settings) if getattr(credential, "of_settings", False) else credential

    def probes(self) -> tuple[Operation[Any], ...]:
        return (operation(Replay.READ, path="/probe", parse=lambda answer: answer.json()),)

    def __getattr__(self, name: str) -> Any:
        if name not in ("chat", "stream", "feedback", "history", "clear_history"):
            raise AttributeError(name)
        return self.given.get(name, lambda call: ask(operation()))


@frozen
class Own:
    """A client, and what it does its work with."""

    client: Any
    transport: CannedTransport | AsyncCannedTransport
    clock: FakeClock

    @property
    def sent(self) -> list[Any]:
        return self.transport.sent


def make(
    loop: Any,
    *outcomes: Any,
    settings: Any = OwnSettings,
    endpoints: Endpoints | None = None,
    policy: dict[str, Any] | None = None,
    url: str = "",
    clock: Clock | None = None,
    **given: Any,
) -> Own:
    """A client of the vendor, over asyncio if there is a loop; `given` are parts of the adapter."""
    fake = FakeClock()
    backend = Backend(
        name="own",
        title="Own",
        settings=settings,
        build=lambda settings: OwnAdapter(settings, given),
        endpoints=endpoints or Endpoints("own", detect_error),
    )
    chosen = settings(**{**({"base_url": url} if url else {}), **(policy or {})})
    more = {"clock": clock or fake.clock}
    over: Any = (CannedTransport if loop is None else AsyncCannedTransport)(*outcomes)
    if loop is None:
        client: Any = client_for(backend, chosen, transport=None if url else over, **more)
    else:

        async def connect() -> Any:
            return async_client_for(backend, chosen, transport=None if url else over, **more)

        client = BlockingClient(loop, loop.run(connect()))
    return Own(client, over, fake)
