"""The example adapters under every fault with a name, over HTTP and both clients: an answer, or an error of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.behaviour.doubles import catch
from tests.blocking import BlockingClient
from tests.faults.neutral import SECRET
from tests.faults.oracles import check_error
from tests.faults.server import Connection, FaultServer, HttpMessage
from tests.faults.vendors import as_json, encode_chunks
from tests.vendors import VENDORS
from unichat.adapter import Secret
from unichat.connecting import async_client_for, client_for
from unichat.errors import UnichatError
from unichat.testing import FAULTS

HEAD = {"message_id": "m-1", "conversation_id": "c-1"}
STREAMS = {
    "dify": [{"event": "message", **HEAD, "answer": "Hel"}, {"event": "message", **HEAD, "answer": "lo"}],
    "openai": [{"id": "c", "choices": [{"delta": {"content": text}}]} for text in ("Hel", "lo")],
}
ENDS = {"dify": [b'data: {"event": "message_end"}\n\n'], "openai": [b"data: [DONE]\n\n"]}
WHOLE = {
    "dify": {**HEAD, "answer": "Hello"},
    "openai": {"id": "c", "choices": [{"message": {"content": "Hello"}}]},
}
SERVED = [name for name, fault in FAULTS.items() if fault.serve]


def good(backend: str) -> Any:
    """The vendor's good answer to a question, whole or streamed."""

    def answer(received: HttpMessage) -> bytes:
        asked = json.loads(received.body or b"{}")
        if asked.get("stream") or asked.get("response_mode") == "streaming":
            events = [b"data: %s\n\n" % json.dumps(row).encode() for row in STREAMS[backend]]
            return encode_chunks(events + ENDS[backend], content_type="text/event-stream")
        return as_json(WHOLE[backend])

    return answer


@pytest.fixture(params=["requests", "h11"])
def connect(request: pytest.FixtureRequest) -> Any:
    def connect(backend: str, url: str, deadline: float = 0.3) -> Any:
        vendor = VENDORS[backend]
        given = {**vendor.given, "api_key": Secret(SECRET), "base_url": url, "attempts": 1, "deadline": deadline}
        settings = vendor.backend.settings(**given)
        if request.param == "requests":
            return client_for(vendor.backend, settings)
        loop = request.getfixturevalue("loop")

        async def make() -> Any:
            await asyncio.sleep(0)
            return async_client_for(vendor.backend, settings)

        return BlockingClient(loop, loop.run(make()))

    return connect


def ask(client: Any, call: str) -> str:
    if call == "chat":
        return str(client.chat("q", user="ann").text)
    with client.stream("q", user="ann") as pieces:
        return "".join(event.text for event in pieces)


@pytest.mark.parametrize("call", ["chat", "stream"])
@pytest.mark.parametrize("backend", ["dify", "openai"])
@pytest.mark.parametrize("fault", SERVED)
def test_a_fault_ends_in_the_answer_or_in_one_of_our_errors(connect, backend, call, fault):
    with FaultServer(good(backend), (FAULTS[fault].serve,)) as server, connect(backend, server.url) as client:
        text, error = catch(UnichatError, lambda: ask(client, call))
        if error is None:
            assert text == "Hello"
        else:
            check_error(error)
            assert error.backend == backend
        assert len(server.log) <= 1


def answer_well(connection: Connection) -> bool:
    connection.write(connection.good(connection.read()))
    return True


@pytest.mark.parametrize("call", ["chat", "stream"])
@pytest.mark.parametrize("backend", ["dify", "openai"])
def test_without_a_fault_there_is_an_answer(connect, backend, call):
    with FaultServer(good(backend), (answer_well,)) as server, connect(backend, server.url, deadline=60.0) as client:
        assert ask(client, call) == "Hello"
