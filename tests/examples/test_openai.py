"""The example of chat completions: what is sent, its streams, and its errors."""

from __future__ import annotations

import json

import pytest

from tests.behaviour.doubles import KEY, StubTransport, client_on, read_body, reply
from tests.vendors import VENDORS
from unichat import errors
from unichat.adapter import StreamFailure


def decoder():
    operation = VENDORS["openai"].backend.endpoints["create_completion_streamed"].function(model="m", messages=[])
    return operation.decoder(1_000_000)


def chunk(**delta):
    return b"data: %s\n\n" % json.dumps({"id": "c-1", "choices": [{"index": 0, "delta": delta}]}).encode()


USAGE = b'data: {"id": "c-1", "choices": [], "usage": {"total_tokens": 7}}\n\n'
STREAM = chunk(role="assistant", content="") + chunk(content="Hel") + chunk(content="lo") + chunk() + USAGE


def completion(text="Hi!"):
    return reply({"id": "c-1", "choices": [{"message": {"role": "assistant", "content": text}}]})


def openai(answer, **settings):
    transport = StubTransport(answer)
    return client_on(transport, "openai", **settings), transport


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_stream_is_decoded_wherever_it_is_cut(step):
    data, made, events = STREAM + b"data: [DONE]\n\n", decoder(), []
    for at in range(0, len(data), step):
        events += made.feed(data[at : at + step])
    assert [event.text for event in events] == ["Hel", "lo"]
    assert made.ended
    assert (made.result().text, made.result().id) == ("Hello", "c-1")


def test_a_stream_without_its_mark_is_interrupted():
    made = decoder()
    list(made.feed(STREAM))
    assert made.end() == "it ended without its end mark"


def test_an_error_within_a_stream_is_the_servers():
    with pytest.raises(StreamFailure) as failed:
        list(decoder().feed(STREAM + b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'))
    assert (failed.value.response.status, failed.value.reason) == (500, "overloaded")


@pytest.mark.parametrize(
    ("status", "code", "kind", "attempts"),
    [
        (401, "invalid_api_key", errors.AuthenticationError, 1),
        (400, "context_length_exceeded", errors.InvalidInput, 1),
        (404, "model_not_found", errors.NotFound, 1),
        (429, "rate_limit_exceeded", errors.RateLimited, 3),
        (429, "insufficient_quota", errors.RateLimited, 1),
        (503, None, errors.ServerError, 3),
    ],
)
def test_an_error_is_what_its_status_and_its_code_say(status, code, kind, attempts):
    client, transport = openai(lambda request: reply({"error": {"message": "no words", "code": code}}, status))
    with pytest.raises(kind, match="no words") as caught:
        client.chat("q")
    assert (len(transport.sent), caught.value.vendor_code) == (attempts, code)


@pytest.mark.parametrize("body", [b"", b"{oops", b"[]", b'{"error": "a string"}', b"<html>"])
def test_an_error_without_its_object_is_what_its_status_says(body):
    client, _ = openai(lambda request: reply(status=429, body=body))
    with pytest.raises(errors.RateLimited):
        client.chat("q")


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": {"content": 5}}]}])
def test_an_answer_without_text_is_invalid_and_keeps_no_turn(body):
    outcomes = [completion(), reply(body), completion()]
    client, transport = openai(lambda request: outcomes.pop(0))
    thread = client.chat("one").thread
    with pytest.raises(errors.InvalidResponse) as caught:
        client.continue_thread(thread, "two")
    assert caught.value.maybe_delivered is True
    client.continue_thread(thread, "three")
    assert [each["content"] for each in read_body(transport.sent[-1])["messages"]] == ["one", "Hi!", "three"]


def test_a_server_of_azures_kind_gets_its_version_and_one_without_a_key_none():
    client, transport = openai(
        lambda request: completion(), base_url="https://own.example/openai?api-version=2026-01-01", api_key=None
    )
    client.chat("q", user="ann")
    (request,) = transport.sent
    assert request.target.endswith("/chat/completions?api-version=2026-01-01")
    assert "Authorization" not in request.headers
    assert read_body(request)["user"] == "ann"
    assert KEY not in str(request.headers)


def test_metadata_is_unsupported_whether_streamed_or_not():
    client, transport = openai(lambda request: completion())
    for ask in (client.chat, client.stream):
        with pytest.raises(errors.Unsupported) as caught:
            ask("q", metadata={"page": "/"})
        assert caught.value.argument == "metadata"
    assert client.chat("q", metadata={"page": "/"}, on_unsupported="drop").text == "Hi!"
    assert len(transport.sent) == 1
