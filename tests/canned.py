"""A vendor without a network: scripted outcomes, a clock that moves only when told to, and a backend to talk to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from attrs import field, frozen

from unichat.adapter import (
    Capabilities,
    ChatCall,
    ClearCall,
    CommonSettings,
    Credential,
    EndpointContext,
    Endpoints,
    ErrorResponse,
    EventSource,
    FeedbackCall,
    Fields,
    Flow,
    HistoryCall,
    Operation,
    Page,
    Paged,
    Replay,
    Reply,
    Request,
    Secret,
    StreamFailure,
    StreamOperation,
    ask,
    exclusive,
    open_stream,
)
from unichat.client.paging import PagedReader
from unichat.client.streams import AnswerStream
from unichat.client.sync_client import Client
from unichat.errors import InvalidResponse, UnichatError
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.program import complete, run
from unichat.models import Answer, ClearOutcome, ClearResult, Exchange, FeedbackReceipt, Source, StreamEvent, ThreadRef
from unichat.testing import CannedStream as CannedStream
from unichat.testing import CannedTransport, FakeClock, Outcome
from unichat.transport.base import REAL_TIME, HttpRequest

SESAME = Secret("open-sesame")


def reply(status: int = 200, value: Any = None, **headers: str) -> Reply:
    """An answer; `retry_after="5"` and the like are its headers."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = b"" if value is None else json.dumps(value).encode()
    return Reply(status, {"content-type": "application/json", **named}, body)


def records(*values: Any) -> list[bytes]:
    """The pieces of a streamed answer, one record in each."""
    return [json.dumps(value).encode() + b"\n" for value in values]


def try_call(call: Callable[[], Any], kind: type[UnichatError] = UnichatError) -> tuple[Any, Any]:
    """The result of `call` and no error, or no result and its error: for properties that hold either way."""
    try:
        return call(), None
    except kind as error:
        return None, error


def detect_error(answer: Reply) -> ErrorResponse | None:
    """Every status outside 2xx is a refusal, and so is a body that says so."""
    body: Any = {}
    with suppress(InvalidResponse):
        body = answer.json()
    status = body.get("status", answer.status) if isinstance(body, dict) else answer.status
    if 200 <= status < 300:
        return None
    return ErrorResponse(
        status=status,
        message=body.get("message", "") if isinstance(body, dict) else "",
        what="thread",
        argument="question" if status == 422 else None,
        envelope_status=None if status == answer.status else status,
    )


def operation(replay: Replay = Replay.READ, *, name: str = "look", signed: bool = True) -> Operation[Any]:
    return Operation(
        backend="echo",
        name=name,
        replay=replay,
        request=Request("POST", f"/{name}", body=b"{}"),
        detect_error=detect_error,
        parse=lambda answer: answer.json(),
        signed=signed,
    )


class LineDecoder:
    """A record a line: `{"text": …}`, `{"sources": […]}`, `{"id": …, "thread": …}`, `{"error": …}`, `{"end": true}`."""

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._buffer = b""
        self._texts: list[str] = []
        self._known: dict[str, Any] = {}
        self.records: list[Any] = []

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            try:
                record = json.loads(line)
            except ValueError:
                raise StreamFailure("record", "no JSON") from None
            if "error" in record:
                raise StreamFailure("vendor", record["error"])
            self.records.append(record)
            self._texts.append(record.get("text", ""))
            self._known |= record
            yield StreamEvent(type="text" if "text" in record else "other", text=record.get("text", ""), raw=record)
        if len(self._buffer) > min(self._limit, 1000):
            raise StreamFailure("too_large", "a long record")

    @property
    def complete(self) -> bool:
        return "end" in self._known

    def end(self) -> str | None:
        return None if self.complete else "it ended without its end mark"

    def result(self) -> Answer:
        thread = self._known.get("thread")
        return Answer(
            text="".join(self._texts),
            id=self._known.get("id"),
            thread=ThreadRef("echo", thread) if thread else None,
            sources=tuple(Source(url) for url in self._known.get("sources", ())),
            raw=list(self.records),
        )


def stream_operation(replay: Replay = Replay.ASK) -> StreamOperation[Answer]:
    return StreamOperation(
        backend="echo",
        name="chat_streamed",
        replay=replay,
        request=Request("POST", "/stream", body=b"{}"),
        detect_error=detect_error,
        decoder=LineDecoder,
    )


# A backend of its own, so that the core is tested without any vendor's adapter.

endpoints = Endpoints("echo", detect_error)


def read_answer(answer: Reply) -> Answer:
    fields = Fields(answer.json())
    thread = fields.id("thread")
    return Answer(
        text=fields.require_text("text"),
        id=fields.id("id"),
        thread=ThreadRef("echo", thread) if thread else None,
        sources=fields.objects("sources", lambda source: Source(source.require_text("url"))),
        raw=fields.raw,
    )


@endpoints.add("POST", "/bots/{bot}/chat", Replay.ASK, reference="Chat", from_settings={"bot": "bot"})
def chat(endpoint: EndpointContext, *, bot: str, text: str, thread: str | None = None) -> Operation[Answer]:
    """Ask."""
    return endpoint.operation(read_answer, path={"bot": bot}, body={"text": text, "thread": thread})


@endpoints.add(
    "POST", "/bots/{bot}/stream", Replay.ASK, reference="Stream", from_settings={"bot": "bot"}, streamed=True
)
def chat_streamed(endpoint: EndpointContext, *, bot: str, text: str) -> StreamOperation[Answer]:
    """Ask, streamed."""
    return endpoint.stream(LineDecoder, path={"bot": bot}, body={"text": text})


@endpoints.add("POST", "/ratings", Replay.INSERT, reference="Rate")
def rate(endpoint: EndpointContext, *, answer: str, rating: str) -> Operation[FeedbackReceipt]:
    """Rate an answer."""
    return endpoint.operation(
        lambda got: FeedbackReceipt(answer_id=answer, rating=rating, raw=got.json()),  # type: ignore[arg-type]
        body={"answer": answer, "rating": rating},
    )


def parse_objects(answer: Reply) -> Page[Exchange]:
    fields = Fields(answer.json())
    rows = fields.objects("rows", lambda row: Exchange(question="?", answer="!", id=row.id("id"), raw=row.raw))
    following = fields.integer("next")
    return Page(rows, None if following is None else rows_page(following), raw=fields.raw)


@endpoints.add("GET", "/rows", Replay.READ, reference="List", from_settings={})
def list_rows(endpoint: EndpointContext, *, page: int = 1) -> Operation[Page[Exchange]]:
    """Return a page of rows."""
    return endpoint.operation(parse_objects, query={"page": page})


def rows_page(page: int) -> Operation[Page[Exchange]]:
    return list_rows(page=page)


@endpoints.add("POST", "/clear", Replay.CLEAR, reference="Clear")
def clear(endpoint: EndpointContext) -> Operation[ClearResult]:
    """Clear."""
    return endpoint.operation(lambda got: ClearResult(outcome=ClearOutcome.CLEARED, raw=got.json()))


ALL_CAPABILITIES: Mapping[str, Any] = {
    "streaming": True,
    "clear_history": True,
    "parallel_threads": True,
    "history_by_thread": True,
    "history_by_user": True,
    "sources": True,
    "uncertainty": False,
    "timestamps": False,
    "metadata": True,
    "user_details": True,
    "feedback_needs_user": False,
    "feedback_comment_on_up": True,
    "question_limit": 100,
    "options": {"chat": ("tone",), "feedback": ("weight",), "history": ("since",), "clear_history": ("missing_ok",)},
}


@frozen
class EchoAdapter:
    """Keeps the calls that reach it, and turns each into the one operation that it needs."""

    capabilities: Capabilities
    credential: Credential
    calls: list[Any] = field(factory=list)

    def chat(self, call: ChatCall) -> Flow[Answer]:
        self.calls.append(call)
        if call.metadata is not None and not self.capabilities.metadata:
            call.reject_or_drop("metadata", "there is no place for it", "Leave it out.")
        return self._chat(call)

    def _chat(self, call: ChatCall) -> Flow[Answer]:
        if call.user is not None:
            yield from exclusive(("conversation", call.user.id))
        return (
            yield from ask(chat(bot="b", text=call.question, thread=None if call.thread is None else call.thread.id))
        )

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        self.calls.append(call)
        return open_stream(chat_streamed(bot="b", text=call.question))

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        self.calls.append(call)
        return ask(rate(answer=str(call.answer_id), rating=call.rating.value))

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        self.calls.append(call)
        return self._history(call)

    def _history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        hidden = lambda exchange: not exchange.raw.get("hidden", False)  # noqa: E731
        return Paged(list_rows(), lambda exchange: exchange.id, hidden)
        yield

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        self.calls.append(call)
        return ask(clear())

    def probes(self) -> tuple[Operation[Any], ...]:
        return (list_rows(),)


@frozen(kw_only=True)
class EchoSettings(CommonSettings):
    """Settings of the backend `echo`."""

    bot: str = "b"


@frozen
class Bench:
    """A transport and a client over scripted outcomes, and all that they touch."""

    transport: CannedTransport
    clock: FakeClock
    client: Client
    adapter: EchoAdapter

    @property
    def sent(self) -> list[HttpRequest]:
        return self.transport.sent

    @property
    def context(self) -> Context:
        return self.client._context

    def perform(self, program: Any) -> Any:
        return self.client._performer.perform(program)

    def complete(self, flow: Any, call: Call) -> Any:
        return self.perform(complete(flow, call, self.context))

    def perform_run(self, wanted: Any, call: Call) -> Any:
        return self.perform(run(wanted, call, self.context))

    def run(self, wanted: Operation[Any], deadline: float | None = None) -> Any:
        kind: Any = "question" if wanted.replay is Replay.ASK else "other"
        return self.perform_run(wanted, self.context.call(deadline, kind=kind))

    def error(self, wanted: Operation[Any], deadline: float | None = None) -> Any:
        """The error that running `wanted` ends in."""
        with pytest.raises(UnichatError) as caught:
            self.run(wanted, deadline)
        return caught.value

    def read_pages(self, paged: Paged[Any]) -> Iterator[Any]:
        """The rows of a list, as a client gives them."""
        reader = PagedReader(
            nothing_else(paged), lambda _: self.context.call(), self.context, limit=None, page_limit=10_000
        )
        while (rows := self.perform(reader.read_page())) is not None:
            yield from rows

    def open(self, wanted: StreamOperation[Any], deadline: float | None = None, *, call: Call | None = None) -> Any:
        """The events of a stream, as a client gives them."""
        call = call or self.context.call(deadline, kind="question")
        stream = self.perform_run(wanted, call)
        answers: AnswerStream[Any] = AnswerStream(lambda: stream, self.perform, lambda result: result)
        answers.__enter__()
        return answers


def nothing_else(result: Any) -> Flow[Any]:
    """A flow without steps."""
    return result
    yield


def bench(
    *outcomes: Outcome,
    source: Any = SESAME,
    policy: Mapping[str, Any] | None = None,
    on_unsupported: Any = "raise",
    real_clock: bool = False,
    hooks: Sequence[Any] = (),
    **capabilities: Any,
) -> Bench:
    """A client of the backend `echo`; keyword arguments that are none of these change its capabilities."""
    clock = FakeClock()
    time = REAL_TIME if real_clock else clock.clock
    transport = CannedTransport(*outcomes)
    credential = Credential("X-Token", "", source)
    settings = EchoSettings(
        base_url="https://echo.example", **{"retry_budget": 10_000, "on_unsupported": on_unsupported, **(policy or {})}
    )
    adapter = EchoAdapter(Capabilities(**{**ALL_CAPABILITIES, **capabilities}), credential)
    client = Client("echo", adapter, transport, endpoints=endpoints, settings=settings, clock=time, hooks=hooks)
    return Bench(transport, clock, client, adapter)
