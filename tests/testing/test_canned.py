"""Canned transports and the fake clock, as somebody's tests of a bot use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.testing.vendor import ANSWER, KAPA, record, vendor
from unichat.errors import ConnectionFailed, DeadlineExceeded, ServerError, StreamInterrupted
from unichat.testing import CannedStream, CannedTransport, FakeClock, connect, json_answer
from unichat.transport.base import HttpRequest, TransportFailure


def test_outcomes_come_in_turn_and_the_vendor_answers_the_rest() -> None:
    clock = FakeClock()
    transport = CannedTransport("503", "reset_after_send", answer=vendor)
    with connect("kapa", transport, clock=clock, backoff=2.0, **KAPA) as bot:
        with pytest.raises(ConnectionFailed) as caught:
            bot.chat("How?")
        assert caught.value.maybe_delivered
        assert [attempt.outcome for attempt in caught.value.attempts] == ["HTTP 503", "reset"]
        assert bot.chat("How?").text == "Yes."
    assert len(clock.slept) == 1
    assert 0 <= clock.slept[0] <= 2.0
    assert [request.method for request in transport.sent] == ["POST"] * 3
    assert transport.closed == 1


def test_one_request_more_than_the_outcomes_is_a_failed_test() -> None:
    with connect("kapa", CannedTransport(json_answer(ANSWER)), **KAPA) as bot:
        bot.chat("How?")
        with pytest.raises(AssertionError, match="one request more than expected: POST /query/v1/projects/"):
            bot.chat("How?")


def test_an_outcome_can_be_made_of_the_request() -> None:
    def choose(request: HttpRequest) -> object:
        return json_answer(ANSWER) if b"What?" in (request.body or b"") else "404"

    with connect("kapa", CannedTransport(choose), **KAPA) as bot:
        assert bot.chat("What?").text == "Yes."


def test_silence_lasts_until_the_deadline_by_the_clock() -> None:
    clock = FakeClock()
    with connect("kapa", CannedTransport("silence", clock=clock), clock=clock, deadline=40.0, **KAPA) as bot:
        began = clock.now
        with pytest.raises(DeadlineExceeded):
            bot.chat("How?")
    assert clock.now - began == 40.0
    assert clock.slept == []


def test_a_stream_shows_how_it_was_read() -> None:
    stream = CannedStream([record("partial_answer", {"text": "Ye"}), TransportFailure("truncated", phase="body")])
    with connect("kapa", CannedTransport(stream), **KAPA) as bot, bot.stream("How?") as pieces:
        assert next(pieces).text == "Ye"
        with pytest.raises(StreamInterrupted) as caught:
            next(pieces)
    assert caught.value.text == "Ye"
    assert (stream.reads, bool(stream.closed), bool(stream.idle_timeouts)) == (2, True, True)


def test_a_clock_can_be_moved_by_the_test() -> None:
    clock = FakeClock()

    def slow(_: object) -> str:
        clock.advance(61.0)
        return "503"

    bot = connect("kapa", CannedTransport(slow, answer=vendor), clock=clock, deadline=60.0, **KAPA)
    with pytest.raises((DeadlineExceeded, ServerError)) as caught:
        bot.chat("How?")
    assert caught.value.stopped_by == "deadline"


def test_settings_come_from_the_arguments_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAPA_API_KEY", "another")
    monkeypatch.setenv("UNICHAT_KAPA_ATTEMPTS", "nonsense")
    transport = CannedTransport(answer=vendor)
    with connect("kapa", transport, **KAPA) as bot:
        bot.chat("How?")
    assert transport.sent[0].headers["X-API-KEY"] == "key"


def test_nothing_of_a_test_framework_is_imported() -> None:
    code = "import sys, unichat.testing; print({'pytest', 'hypothesis', 'responses'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
