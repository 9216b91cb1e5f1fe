"""Tools that stand in for the network: those that act on urllib3's connections or on requests' adapters work."""

import json
import re
from unittest import mock

import pytest
import requests
import responses
import urllib3
import vcr

import unichat
from tests.loopback import answer_in_turn, close_after, encode_chunks, http
from unichat.errors import ConnectionFailed, InvalidResponse, UnichatError

PROJECT = "00000000-0000-4000-8000-000000000001"
ANSWER = {
    "answer": "Yes.",
    "thread_id": PROJECT,
    "question_answer_id": PROJECT,
    "is_uncertain": False,
    "relevant_sources": [],
}
BODY = json.dumps(ANSWER).encode()
RECORDS = [
    json.dumps({"chunk": {"type": kind, "content": content, "stream_end": False}}).encode() + "\u241e".encode()
    for kind, content in (
        ("partial_answer", {"text": "Yes."}),
        ("identifiers", {"thread_id": PROJECT, "question_answer_id": PROJECT}),
    )
]


def client_on(url, **settings):
    return unichat.connect(
        "kapa", api_key="key", project_id=PROJECT, base_url=url, **{"attempts": 1, "deadline": 20.0, **settings}
    )


def chat(client):
    return client.chat("Hi?").text


def stream(client):
    with client.stream("Hi?") as pieces:
        return "".join(each.text for each in pieces)


@pytest.mark.parametrize(("call", "answer"), [(chat, http(200, BODY)), (stream, encode_chunks(*RECORDS))])
@pytest.mark.parametrize("reused", [False, True], ids=["new client", "client that has asked before"])
def test_vcrpy_records_and_replays(serve, tmp_path, call, answer, reused):
    server = serve(answer_in_turn(answer))
    cassette = str(tmp_path / "cassette.yaml")
    with client_on(server.url) as client:
        if reused:
            call(client)
        with vcr.use_cassette(cassette, record_mode="once"):
            assert call(client) == "Yes."
        asked = len(server.log)
        assert asked == 1 + reused
        with vcr.use_cassette(cassette, record_mode="none") as played:
            if reused:
                assert call(client) == "Yes."
            else:
                with client_on(server.url) as other:
                    assert call(other) == "Yes."
            assert played.play_count == 1
        assert len(server.log) == asked
        # The tool has gone, and our connections are back.
        assert call(client) == "Yes."
        assert len(server.log) == asked + 1


# vcrpy leaves its own connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_recorded_question_whose_answer_is_lost_is_not_asked_twice(serve, tmp_path):
    server = serve(close_after())
    with (
        client_on(server.url, attempts=3) as client,
        vcr.use_cassette(str(tmp_path / "c.yaml"), record_mode="once"),
        pytest.raises(UnichatError) as caught,
    ):
        chat(client)
    assert caught.value.maybe_delivered is True
    assert len(server.log) == 1


def test_responses_answers_in_the_vendors_place():
    with responses.RequestsMock() as mocked, client_on("https://vendor.example") as client:
        mocked.post(re.compile(".*/chat/"), body=BODY, content_type="application/json")
        assert chat(client) == "Yes."
    with responses.RequestsMock(), client_on("https://vendor.example") as client, pytest.raises(ConnectionFailed):
        chat(client)


def build_response():
    response = requests.Response()
    response.status_code, response._content = 200, BODY
    response.headers["Content-Type"] = "application/json"
    return response


def without_headers():
    response = build_response()
    response.raw = urllib3.HTTPResponse(BODY, status=200, preload_content=False)
    response.headers.clear()
    return response


class BodyAlone:
    """Reads, and knows nothing else."""

    def read(self, size=-1):
        body, self.body = getattr(self, "body", BODY), b""
        return body


def with_a_body_that_only_reads():
    response = build_response()
    response._content, response.raw = False, BodyAlone()
    return response


@pytest.mark.parametrize("make", [build_response, with_a_body_that_only_reads])
def test_a_response_made_by_hand_is_read(make):
    sending = mock.patch("requests.adapters.HTTPAdapter.send", return_value=make())
    with sending, client_on("https://vendor.example", connections=1) as client:
        assert chat(client) == "Yes."


@pytest.mark.parametrize(
    "value", [None, mock.MagicMock(), {"status_code": 200}, without_headers(), requests.Response()]
)
def test_what_is_no_response_is_an_error_of_unichats(value):
    sending = mock.patch("requests.adapters.HTTPAdapter.send", return_value=value)
    with sending, client_on("https://vendor.example", connections=1) as client:
        for _ in range(2):
            with pytest.raises(InvalidResponse):
                chat(client)
