"""What decoders of all formats know: the answer so far, the limit of a record, and an adapter's own mistakes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapter.decoders import LIMIT, Bars, Lines, decode, outcome
from tests.behaviour.doubles import FAST
from unichat import StreamEvent, join_text
from unichat.adapter import Fields, JsonLines
from unichat.models import Answer, Source, ThreadRef


@pytest.mark.parametrize("make", [Lines, Bars])
def test_a_record_of_the_limit_is_read_and_a_longer_one_is_not(make):
    end = {Lines: b"\n", Bars: b"||"}[make]
    fits = json.dumps({"text": "x" * (LIMIT - 12)}).encode()
    assert len(fits) == LIMIT
    assert len(decode(make, fits + end)) == 1
    assert outcome(make, b" " + fits + end)[3][3][0] == "too_large"
    assert outcome(make, b"x" * (LIMIT + len(end)))[3][3][0] == "too_large"


def test_the_answer_is_made_of_texts_sources_ids_and_uncertainty():
    class All(JsonLines):
        def on_record(self, record):
            self.sources = (Source("https://x.org"),)
            self.answer_id, self.thread, self.uncertain = "a1", ThreadRef("acme", "t1"), True
            return StreamEvent(type="text", text=record["text"], raw=record)

    decoder = All(LIMIT)
    list(decoder.feed(b'{"text": "Hel"}\n{"text": "lo"}\n'))
    expected = Answer(
        text="Hello", id="a1", thread=ThreadRef("acme", "t1"), sources=(Source("https://x.org"),), uncertain=True
    )
    assert decoder.result() == decoder.partial() == expected
    assert decoder.result().raw == [{"text": "Hel"}, {"text": "lo"}]


def test_an_event_that_replaces_takes_the_place_of_all_text_before_it():
    decoder = Lines(LIMIT)
    events = list(decoder.feed(b'{"text": "a"}\n{"text": "b"}\n{"text": "c", "whole": 1}\n{"text": "d"}\n'))
    assert decoder.text == decoder.result().text == join_text(events) == "cd"
    assert [event.text for event in decoder.feed(b'{"whole": 1}\n')] == [""]
    assert decoder.text == ""


@FAST
@given(st.lists(st.tuples(st.text(max_size=5), st.booleans())))
def test_joined_events_are_the_answers_text(parts):
    body = b"".join(json.dumps({"text": t, **({"whole": 1} if w else {})}).encode() + b"\n" for t, w in parts)
    decoder = Lines(10_000)
    assert join_text(decoder.feed(body)) == decoder.result().text


def test_a_mistake_that_an_adapter_finds_in_a_record_fails_the_stream():
    class Strict(Lines):
        def on_record(self, record):
            Fields(record).require_text("name")

    assert outcome(Strict, b"{}\n")[3][3][0] == "record"
    assert "/name" in outcome(Strict, b"{}\n")[3][3][1] or "name" in outcome(Strict, b"{}\n")[3][3][1]
