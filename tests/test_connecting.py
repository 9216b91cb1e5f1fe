"""`connect`: that a client is put together from its settings, each of which counts."""

import asyncio
import json

import pytest

import unichat
from tests.canned import FakeClock
from tests.loopback import CERTIFICATE, answer_in_turn, http, silent
from unichat import ClearOutcome
from unichat.adapter import Reply
from unichat.config import registry
from unichat.connecting import client_for
from unichat.errors import (
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    ServerError,
    Unsupported,
)
from unichat.transport.base import TransportFailure
from unichat.transport.requests.transport import RequestsTransport

PROJECT = "00000000-0000-4000-8000-000000000001"
THREAD = "00000000-0000-4000-8000-000000000002"
ANSWER = http(
    200,
    json.dumps(
        {
            "answer": "Yes.",
            "thread_id": THREAD,
            "question_answer_id": THREAD,
            "is_uncertain": False,
            "relevant_sources": [],
        }
    ).encode(),
)


@pytest.fixture
def connect(monkeypatch, tmp_path):
    """Connect to Kapa at an address, with an environment and a folder that hold no settings."""
    for name in ("KAPA_API_KEY", "KAPA_PROJECT_ID", "UNICHAT_PROFILE", "UNICHAT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    clients = []

    def connect(url, target="kapa", **settings):
        clients.append(
            unichat.connect(target, **{"api_key": "sesame", "project_id": PROJECT, "base_url": url, **settings})
        )
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def test_a_client_talks_to_the_address_with_the_key_and_the_id(serve, connect):
    server = serve(answer_in_turn(ANSWER))
    client = connect(server.url)
    assert client.backend == "kapa"
    assert client.chat("Hi?").text == "Yes."
    (request,) = server.log
    assert (request.method, request.target) == ("POST", f"/query/v1/projects/{PROJECT}/chat/")
    assert request.headers["x-api-key"] == "sesame"


def test_a_url_names_backend_id_and_settings(serve, connect):
    server = serve(answer_in_turn(ANSWER))
    with unichat.connect(f"kapa://{PROJECT}?base_url={server.url}&api_key=sesame") as client:
        assert client.chat("Hi?").text == "Yes."
    assert server.log[0].headers["x-api-key"] == "sesame"


def test_nothing_is_sent_by_connecting(serve, connect):
    server = serve(answer_in_turn(ANSWER))
    connect(server.url)
    assert server.accepted == 0


def test_the_ids_of_the_settings_need_not_be_repeated(serve, connect):
    client = connect(serve(answer_in_turn(ANSWER)).url, integration_id=THREAD)
    built = client.operations.chat(query="Hi?")
    assert PROJECT in built.request.path
    assert json.loads(built.request.body)["integration_id"] == THREAD


def test_the_number_of_attempts_is_honoured(serve, connect):
    server = serve(answer_in_turn(http(503, b"{}")))
    with pytest.raises(ServerError):
        connect(server.url, attempts=1).chat("Hi?")
    assert len(server.log) == 1


def test_the_deadline_is_honoured(serve, connect):
    with pytest.raises(DeadlineExceeded) as caught:
        connect(serve(silent).url, deadline=0.1).chat("Hi?")
    assert caught.value.deadline == 0.1


def test_the_ca_bundle_is_honoured(serve, connect):
    server = serve(answer_in_turn(ANSWER), tls=True)
    assert connect(server.url, ca_bundle=str(CERTIFICATE)).chat("Hi?").text == "Yes."
    with pytest.raises(ConnectionFailed):
        connect(server.url).chat("Hi?")


def test_what_to_do_with_unsupported_arguments_is_honoured(serve, connect):
    server = serve(answer_in_turn(ANSWER))
    with pytest.raises(Unsupported):
        connect(server.url).clear_history()
    assert connect(server.url, on_unsupported="drop").clear_history().outcome is ClearOutcome.DETACHED


def test_a_mistake_in_the_settings_is_told_when_connecting(connect):
    with pytest.raises(ConfigError, match="api_key"):
        connect("https://api.example.com", api_key="")


def test_a_client_can_be_made_with_a_clock_on_which_nobody_waits(serve):
    server = serve(answer_in_turn(http(503, b"{}"), ANSWER))
    ticks = FakeClock()
    backend = registry.find("kapa")
    settings = backend.settings(
        api_key=unichat.Secret("sesame"), project_id=PROJECT, base_url=server.url, attempts=2, deadline=1000.0
    )
    with client_for(backend, settings, clock=ticks.clock) as client:
        assert client.chat("Hi?").text == "Yes."
    assert len(ticks.slept) == 1
    assert len(server.log) == 2


# A caller's own transport


class RecordingTransport:
    """A transport of a caller's own: keeps what is sent, and answers."""

    def __init__(self):
        self.sent = []
        self.closed = 0

    def send(self, request, deadline, *, limit):
        self.sent.append(request)
        return Reply(200, {"content-type": "application/json"}, ANSWER.partition(b"\r\n\r\n")[2])

    def open(self, request, deadline, *, idle_timeout):
        self.sent.append(request)
        return TransportFailure("refused", phase="connecting")

    def close(self):
        self.closed += 1


class AsyncRecording(RecordingTransport):
    """The same on asyncio."""

    async def send(self, request, deadline, *, limit):
        return super().send(request, deadline, limit=limit)

    async def open(self, request, deadline, *, idle_timeout):
        return super().open(request, deadline, idle_timeout=idle_timeout)

    async def close(self):
        super().close()


def test_a_transport_of_the_callers_own_sends_whole_requests(connect):
    transport = RecordingTransport()
    with connect("https://vendor.example/v1", transport=transport, attempts=1) as client:
        assert client.chat("Hi?").text == "Yes."
        with pytest.raises(ConnectionFailed), client.stream("Hi?"):
            pass
    asking, streaming = transport.sent
    assert asking.url == f"https://vendor.example/v1/query/v1/projects/{PROJECT}/chat/"
    assert (asking.method, asking.idempotent, json.loads(asking.body)["query"]) == ("POST", False, "Hi?")
    assert asking.headers == {"Accept": "application/json", "Content-Type": "application/json", "X-API-KEY": "sesame"}
    assert "sesame" not in repr(asking)
    assert streaming.headers["Accept"] == "*/*"
    assert transport.closed == 1


def test_a_transport_of_the_callers_own_sends_whole_requests_on_asyncio(connect):
    transport = AsyncRecording()

    async def ask():
        options = {"api_key": "sesame", "project_id": PROJECT, "base_url": "https://vendor.example/v1"}
        async with unichat.connect_async("kapa", transport=transport, attempts=1, **options) as client:
            with pytest.raises(ConnectionFailed):
                await client.stream("Hi?").answer()
            return await client.chat("Hi?")

    assert asyncio.run(ask()).text == "Yes."
    assert [request.target.rsplit("/", 3)[-2] for request in transport.sent] == ["stream", "chat"]
    assert transport.closed == 1


@pytest.mark.parametrize("wrong", [object(), RecordingTransport, AsyncRecording(), "requests", 5])
def test_what_is_not_a_transport_of_the_clients_kind_is_refused_at_once(connect, wrong):
    with pytest.raises(ConfigError, match="transport is") as caught:
        connect("https://vendor.example", transport=wrong)
    assert (caught.value.key, "Transport" in caught.value.hint) == ("transport", True)


@pytest.mark.parametrize("wrong", [object(), AsyncRecording, RecordingTransport()])
def test_what_is_not_an_asyncio_transport_is_refused_at_once(connect, wrong):
    with pytest.raises(ConfigError, match="transport is"):
        unichat.connect_async("kapa", transport=wrong, api_key="sesame", project_id=PROJECT)


def test_a_transport_for_another_address_is_refused_before_anything_is_sent(serve, connect):
    server = serve(answer_in_turn(ANSWER))
    client = connect("https://vendor.example", transport=RequestsTransport(server.url))
    with pytest.raises(InvalidInput, match="was made for") as caught:
        client.chat("Hi?")
    assert caught.value.argument == "transport"
    assert server.log == []


class Hook:
    def started(self, record):
        pass

    attempted = started

    def finished(self, record, error):
        pass


@pytest.mark.parametrize(
    "hooks", [None, 5, "hook", b"", bytearray(), Hook(), [Hook], [Hook(), object()], [None], {Hook()}]
)
@pytest.mark.parametrize("client", ["sync", "asyncio", "asyncio, in a loop"])
def test_what_are_no_hooks_is_refused_at_once(connect, hooks, client):
    def make():
        if client == "sync":
            return connect("https://vendor.example", hooks=hooks)
        return unichat.connect_async("kapa", hooks=hooks, api_key="sesame", project_id=PROJECT)

    async def within():
        make()

    with pytest.raises(ConfigError, match="hooks") as caught:
        asyncio.run(within()) if client.endswith("loop") else make()
    assert caught.value.key == "hooks"
    assert "unichat.hooks.Hook" in caught.value.hint


def test_hooks_may_be_a_list_or_a_tuple(connect):
    assert connect("https://vendor.example", hooks=[Hook()])
    assert connect("https://vendor.example", hooks=(Hook(), Hook()))
