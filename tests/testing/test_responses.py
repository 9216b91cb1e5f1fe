"""Stubs for the library `responses`: an operation's own address, at any base URL."""

from __future__ import annotations

import json

import pytest
import responses

import unichat
from tests.testing.vendor import KAPA
from unichat.errors import ConfigError, NotFound
from unichat.testing.responses import stub, stub_chat

SETTINGS = {"kapa": KAPA, "kadal": {"token": "token", "chat_bot_id": "bot"}}


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
@pytest.mark.parametrize("base_url", ["", "https://mirror.example/kept/away"])
@responses.activate
def test_stub_chat_answers_every_question(backend: str, base_url: str) -> None:
    stub_chat(backend, "Press the button.")
    more = {"base_url": base_url} if base_url else {}
    with unichat.connect(backend, **SETTINGS[backend], **more) as bot:
        answer = bot.chat("How do I start?", user="ada")
        assert answer.text == "Press the button."
        assert bot.continue_thread(answer, "And then?").text == "Press the button."


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_stub_chat_counts_as_asked_once_any_question_was(backend: str) -> None:
    with unichat.connect(backend, **SETTINGS[backend]) as bot:
        with responses.RequestsMock() as mock:
            first = stub_chat(backend, "One.", mock=mock)
            stub_chat(backend, "Two.", mock=mock)
            assert [bot.chat("How?", user="ada").text for _ in range(2)] == ["One.", "Two."]
            assert first.call_count == 1
        with (
            pytest.raises(AssertionError, match="Not all requests have been executed"),
            responses.RequestsMock() as mock,
        ):
            stub_chat(backend, "Never.", mock=mock)


@responses.activate
def test_stub_answers_an_operation_with_its_query() -> None:
    with unichat.connect("kapa", **KAPA, attempts=1) as client:
        first, second = (client.operations.list_question_answers(page=page, page_size=2) for page in (1, 2))
        stub(first, json=[])
        stub(second, json={"detail": "Not found."}, status=404)
        client.run(first)
        with pytest.raises(NotFound):
            client.run(second)


@responses.activate
def test_stub_of_a_stream_takes_its_body() -> None:
    records = [
        {"type": "partial_answer", "content": {"text": "Yes."}, "stream_end": False},
        {"type": "identifiers", "content": {"thread_id": "t", "question_answer_id": "a"}, "stream_end": True},
    ]
    body = "".join(json.dumps({"chunk": chunk}) + "\u241e" for chunk in records)
    with unichat.connect("kapa", **KAPA) as client:
        operation = client.operations.chat_streamed(query="Really?")
        stub(operation, body=body.encode())
        with client.stream("Really?") as pieces:
            assert [event.text for event in pieces] == ["Yes.", ""]


def test_stub_takes_a_mock_and_a_base_url() -> None:
    with responses.RequestsMock() as mock, unichat.connect("kapa", **KAPA) as client:
        operation = client.operations.retrieve_project(id=KAPA["project_id"])
        stub(operation, json={"id": "1"}, base_url="https://api.kapa.ai", mock=mock)
        client.run(operation)
        with pytest.raises(ConfigError, match="no adapter 'kap'"):
            stub_chat("kap", "Yes.")
        for no_operation in ("retrieve_project", client.operations.retrieve_project):
            with pytest.raises(TypeError, match="give a value, such as client"):
                stub(no_operation, mock=mock)


@responses.activate
def test_a_base_url_is_that_of_a_client_however_it_is_written() -> None:
    address = "HTTPS://Mirror.example:443/a/../kept"
    stub_chat("kapa", "Yes.", base_url=address)
    with unichat.connect("kapa", **KAPA, base_url=address) as client:
        assert client.chat("?").text == "Yes."
