"""Streams of a conversation: the turn lasts until the stream's end."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from unichat import join_text
from unichat.errors import InvalidInput, StreamInterrupted, UnichatError
from unichat.testing.answers import CannedStream, json_answer
from unichat.transport.base import TransportFailure

from .vendors import Kapa, record


def test_a_stream_gives_its_events_and_then_the_answer(any_bots):
    talk = any_bots.worker().get("c")
    for text, began in (("one", "started"), ("two", "continued")):
        with talk.stream(text, user="ada", event=f"e-{text}") as stream:
            assert join_text(stream) == f"echo: {text}"
        assert stream.answer.began == began
        assert stream.answer.call is not None
        assert talk.thread == stream.answer.thread
    assert list(any_bots.vendor.conversations().values()) == [["one", "two"]]


def test_nothing_is_sent_before_the_block_is_entered(bots):
    bots.worker().get("c").stream("one")
    assert bots.vendor.questions == []


def test_a_message_waits_for_the_end_of_a_stream(bots):
    with bots.worker().get("c").stream("one") as stream, ThreadPoolExecutor(1) as other_thread:
        second = other_thread.submit(bots.ask, bots.worker(), "two").result()
        next(stream)
        assert second.go_on().waits
        assert stream.answer.began == "started"
        assert second.go_on().asks
    second.finish()
    assert list(bots.vendor.conversations().values()) == [["one", "two"]]


def test_a_stream_that_is_left_ends_its_turn_at_once(bots):
    with bots.worker().get("c").stream("one", event="e1") as stream:
        next(stream)
    assert bots.ask(bots.worker(), "two").asks
    with pytest.raises(InvalidInput):
        _ = stream.answer


def test_the_thread_that_a_stream_named_before_it_was_left_is_kept(bots):
    talk = bots.worker().get("c")
    with talk.stream("one") as stream:
        next(stream)
        next(stream)
    assert talk.ask("two").began == "continued"
    assert list(bots.vendor.conversations().values()) == [["one", "two"]]


def test_the_event_of_a_stream_that_was_left_is_looked_for_when_it_comes_again(bots):
    with bots.worker().get("c").stream("one", event="e1") as stream:
        next(stream)
    assert bots.worker().get("c").ask("one", event="e1").text == "echo: one"
    assert bots.vendor.questions == ["one"]


def test_a_stream_that_is_forgotten_ends_its_turn(bots):
    worker = bots.worker()
    started = []
    worker._client._start_soon = started.append
    stream = worker.get("c").stream("one")
    next(stream)
    assert bots.ask(bots.worker(), "two", key="d").asks
    del stream
    (program,) = started
    assert bots.ask(bots.worker(), "two").waits
    bots.clients[0]._performer.perform(program)
    assert bots.ask(bots.worker(), "three", key="e").asks


def test_the_event_of_an_answered_stream_gives_the_stored_answer_as_one_event(bots):
    talk = bots.worker().get("c")
    with talk.stream("one", event="e1") as stream:
        first = stream.answer
    with talk.stream("one", event="e1") as stream:
        assert [event.text for event in stream] == ["echo: one"]
        assert stream.answer == first
    assert talk.ask("one", event="e1") == first
    assert bots.vendor.questions == ["one"]


def test_a_stream_that_cannot_be_opened_ends_its_turn(bots):
    worker = bots.worker(attempts=1)
    bots.clients[-1]._transport.answer = lambda request: json_answer({"detail": "no"}, 400)
    with pytest.raises(UnichatError), worker.get("c").stream("one"):
        pass
    assert bots.ask(bots.worker(), "two").asks


def test_a_stream_that_breaks_ends_its_turn_and_keeps_the_thread_that_the_vendor_named(bots):
    worker = bots.worker()
    ids = {"thread_id": "9ec8a81a-31b2-4a83-bcd8-cef9150932d2", "question_answer_id": "a-1"}
    chunks = [
        record({"type": "partial_answer", "content": {"text": "half", **ids}}),
        TransportFailure("reset", phase="body"),
    ]
    bots.clients[-1]._transport.answer = lambda request: CannedStream(chunks)
    talk = worker.get("c")
    with pytest.raises(StreamInterrupted) as interrupted, talk.stream("one") as stream:
        list(stream)
    assert interrupted.value.text == "half"
    assert talk.load().id == ids["thread_id"]
    assert bots.ask(bots.worker(), "two").asks


def test_a_stream_restarts_a_thread_that_is_gone(bots):
    talk = bots.worker().get("c")
    talk.ask("one")
    bots.vendor.delete_threads()
    with talk.stream("two") as stream:
        assert stream.answer.began == "restarted"


def test_the_lease_of_a_stream_is_renewed_while_it_is_read(bots):
    worker = bots.worker()
    with worker.get("c").stream("one") as stream:
        next(stream)
        assert len(worker._leases._held) == 1
        assert stream.answer
        assert not worker._leases._held


def test_a_joined_message_streams_nothing(bots):
    first = bots.ask(bots.worker(overlap="join"), "one")
    two = bots.ask(bots.worker(overlap="join"), "two", event="e2")
    bots.ask(bots.worker(overlap="join"), "three")
    first.finish()
    two.go_on()
    with bots.worker(overlap="join").get("c").stream("two", event="e2") as stream:
        assert join_text(stream) == ""
        assert stream.answer.began == "joined"


def test_a_stream_whose_lease_ran_out_gives_its_answer_and_stores_nothing(bots):
    vendor = Kapa(bots.clock)
    with bots.worker(vendor).get("c").stream("one") as stream:
        next(stream)
        bots.clock.advance(31)
        bots.worker().get("c").ask("two")
        assert stream.answer.text == "echo: one"
    assert bots.worker().get("c").load().id == bots.vendor.rows[0].thread
