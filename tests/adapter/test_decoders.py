"""Decoders by format: the same records come of the same bytes, wherever these are cut."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.behaviour.doubles import FAST
from unichat import StreamEvent, join_text
from unichat.adapter import DelimitedJson, ErrorResponse, Fields, JsonLines, ServerSentEvents, StreamFailure
from unichat.errors import RateLimited
from unichat.models import Answer, Source, ThreadRef

LIMIT = 1000


class Sse(ServerSentEvents):
    """Text, sources and ids by event, and what cannot be read is told by `Fields`."""

    def on_record(self, record):
        if record.event == "ping":
            return None
        if record.event == "raw":
            return StreamEvent(type="raw", text=record.data)
        row = Fields(record.json())
        self.answer_id = row.id("id") or self.answer_id
        self.ended = record.event == "last"
        return StreamEvent(type=record.event, text=row.text("text") or "", raw=row.raw)


class Lines(JsonLines):
    def on_record(self, record):
        if isinstance(record, dict) and "ping" in record:
            return None
        text = record.get("text", "") if isinstance(record, dict) else ""
        return StreamEvent(type="text", text=text, raw=record, replaces=isinstance(record, dict) and "whole" in record)


class Bars(DelimitedJson):
    delimiter = b"||"
    on_record = Lines.on_record


def outcome(make, *pieces, limit=LIMIT):
    """All that can be told of a body that came in these pieces and ended properly."""
    decoder, events, failure = make(limit), [], None
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.flush()
    except StreamFailure as caught:
        failure = (caught.kind, caught.reason)
    told = (decoder.ended, decoder.complete, None if failure else decoder.end(), failure, decoder.signs_of_life)
    return [(event.type, event.text, event.raw) for event in events], decoder.result(), decoder.records, told


def decode(make, *pieces, **how):
    return outcome(make, *pieces, **how)[0]


def cut(whole, cuts):
    at = sorted(min(each, len(whole)) for each in cuts)
    return [whole[start:end] for start, end in zip([0, *at], [*at, len(whole)], strict=True)]


CUTS = st.lists(st.integers(0, 400), max_size=12)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
SSE_LINES = st.one_of(
    st.sampled_from(
        [b"", b": ping", b":", b"event: ping", b"data", b"data:", b"data: [DONE]", b"retry: 10", b"nonsense"]
    ),
    st.sampled_from([b"\xef\xbb\xbfdata: 1", b"event: raw", b"id: 7", b"id: a\0b", b"event:last"]),
    st.text(max_size=20).map(lambda text: b"data: " + json.dumps({"text": text}).encode()),
    st.binary(max_size=6),
)


@FAST
@given(st.lists(st.tuples(SSE_LINES, ENDS), max_size=16), CUTS)
def test_server_sent_events_are_the_same_wherever_the_bytes_are_cut(lines, cuts):
    whole = b"".join(line + end for line, end in lines)
    assert outcome(Sse, *cut(whole, cuts)) == outcome(Sse, whole)
    assert outcome(Sse, *(bytes([byte]) for byte in whole)) == outcome(Sse, whole)


@FAST
@given(
    st.lists(st.tuples(st.one_of(st.binary(max_size=8), st.text(max_size=9).map(json.dumps).map(str.encode)), ENDS)),
    CUTS,
)
@example([(b'{"text":"a"}', b"\r\n"), (b"[DONE]", b"\r")], [13])
def test_json_lines_are_the_same_wherever_the_bytes_are_cut(lines, cuts):
    whole = b"".join(line + end for line, end in lines)
    assert outcome(Lines, *cut(whole, cuts)) == outcome(Lines, whole)
    assert outcome(Lines, *(bytes([byte]) for byte in whole)) == outcome(Lines, whole)


@FAST
@given(st.lists(st.one_of(st.binary(max_size=8), st.just(b"|"), st.just(b'{"text": "a"}||'))), CUTS)
def test_delimited_json_is_the_same_wherever_the_bytes_are_cut(parts, cuts):
    whole = b"".join(parts)
    assert outcome(Bars, *cut(whole, cuts)) == outcome(Bars, whole)


@FAST
@given(st.lists(st.tuples(st.text(max_size=30), st.booleans()), min_size=1, max_size=6), ENDS, st.booleans(), CUTS)
def test_what_was_written_as_events_is_read_as_it_was(values, end, blank_last, cuts):
    # A JSON writer that breaks its data into lines, as a vendor that sends it indented does.
    records = [json.dumps({"text": text}, indent=1 if indented else None) for text, indented in values]
    written = [b"".join(b"data: " + line.encode() + end for line in record.split("\n")) for record in records]
    whole = end.join(written) + (end if blank_last else b"")
    events, answer, raw, _ = outcome(Sse, *cut(whole, cuts), limit=10_000)
    assert [text for _, text, _ in events] == [text for text, _ in values]
    assert answer.text == "".join(text for text, _ in values)
    assert raw == [{"text": text} for text, _ in values]


# Server-sent events


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=repr)
def test_fields_of_an_event_are_read_as_the_standard_says(end):
    seen = []

    class KeepingDecoder(ServerSentEvents):
        def on_record(self, record):
            seen.append((record.event, record.data, record.id, record.retry))
            return StreamEvent(type=record.event, text=record.data)

    lines = [
        ": a comment", "event: add", "data: one", "data:two", "data:  three", "id: 5", "retry: 250", "colour: red", "",
        "data", "data", "", "id", "data: four", "", "data: five", "retry: soon", "id: x\0y",
    ]  # fmt: skip
    assert outcome(KeepingDecoder, ("\ufeff" + end.join(lines)).encode())[3][2] == "it ended without its end mark"
    assert seen == [("add", "one\ntwo\n three", "5", 250), ("message", "four", "", None), ("message", "five", "", None)]


@pytest.mark.parametrize(
    "alive", [b":\n", b": ping\r\n", b"event: ping\ndata: {}\n\n", b"\n", b"data:\n\n", b"event: x\n\n"]
)
def test_what_says_nothing_is_a_sign_of_life_and_not_an_event(alive):
    decoder = Sse(LIMIT)
    assert list(decoder.feed(alive)) == []
    assert decoder.signs_of_life == 1
    assert decoder.records == []


@pytest.mark.parametrize("mark", [b"data: [DONE]\n\n", b"data:[DONE]\r\r", b"data: [DONE] \r\n\r\n"])
@pytest.mark.parametrize("rest", [b"", b"data: {oops\n\n", b"x" * 5000])
def test_done_is_the_end_and_nothing_is_read_after_it(mark, rest):
    decoder = Sse(LIMIT)
    events = list(decoder.feed(b'data: {"text": "a"}\n\n' + mark + rest))
    assert [event.text for event in events] == ["a"]
    assert decoder.complete
    assert decoder.end() is None
    assert list(decoder.feed(b'data: {"text": "b"}\n\n')) == list(decoder.flush()) == []
    assert decoder.result().text == "a"


@pytest.mark.parametrize("last", [b"data: [DONE]\n", b"data: [DONE]", b"data: [DONE]\r"])
def test_done_without_its_blank_line_is_the_end_once_the_body_has_ended(last):
    assert outcome(Sse, b'data: {"text": "a"}\n\n' + last)[3][:3] == (True, True, None)


def test_a_vendors_last_record_is_an_event_and_the_end():
    decoder = Sse(LIMIT)
    assert [e.text for e in decoder.feed(b'event: last\ndata: {"text": "a"}\n\ndata: {"text": "b"}\n\n')] == ["a"]
    assert decoder.ended


def test_another_end_mark_or_none_can_be_declared():
    class Other(Sse):
        end_mark = b"bye"

    class No(Sse):
        end_mark = None

    assert outcome(Other, b"data: bye\n\n")[3][0]
    assert outcome(No, b"data: [DONE]\n\n")[3][3] is not None


@pytest.mark.parametrize(("body", "why"), [
    (b"", "before its first record"),
    (b": ping\n\n", "before its first record"),
    (b'data: {"text": "a"}\n\n', "without its end mark"),
    (b'data: {"text": "a"}\n\ndata: {"te', "in the middle of a record"),
])  # fmt: skip
def test_a_body_that_ends_without_the_end_mark_is_not_the_end(body, why):
    assert why in outcome(Sse, body)[3][2]


def test_where_a_vendor_marks_no_end_the_body_is_the_end():
    class Plain(Lines):
        ends_with_body = True

    assert outcome(Plain, b'{"text": "a"}\n{"text": "b"}')[3][2] is None
    assert "middle" in outcome(Plain, b'{"text": "a"}\n{"text": "b')[3][2]
    assert "first record" in outcome(Plain, b"\n")[3][2]


def test_the_limit_is_that_of_an_event_with_all_of_its_lines():
    line = b"data: " + b"x" * 393 + b"\n"
    assert decode(Sse, b"event: raw\n" + line * 2 + b"\n") != []
    for body in (b"event: raw\n" + line * 3 + b"\n", b"data: " + b"x" * 2000, b":" + b"x" * 2000, b"a\n" * 2000):
        assert outcome(Sse, body)[3][3][0] == "too_large"
        assert outcome(Sse, *(bytes([byte]) for byte in body))[3][3][0] == "too_large"
    assert outcome(Sse, b": ping\n" * 2000)[3][4] == 2000


@pytest.mark.parametrize("wrong", [b"data: {oops\n\n", b"data: \xff\n\n", b"event: \xff\ndata: {}\n\n", b"id: \xff\n\n",
                                   b"event: raw\ndata: \xff\n\n", b"data: [1]\n\n"])  # fmt: skip
def test_an_event_that_cannot_be_read_fails_the_stream_after_those_before_it(wrong):
    decoder, events = Sse(LIMIT), []
    with pytest.raises(StreamFailure) as caught:
        events.extend(decoder.feed(b'data: {"text": "a"}\n\n' + wrong + b'data: {"text": "b"}\n\n'))
    assert caught.value.kind == "record"
    assert caught.value.__context__ is None
    assert [event.text for event in events] == ["a"]


# JSON lines


def test_json_lines_may_lack_the_last_line_end_and_have_blank_ones():
    events, _, raw, told = outcome(Lines, b'\xef\xbb\xbf{"text": "a"}\r\n\n \r{"text": "b"}\r[DONE]')
    assert [text for _, text, _ in events] == ["a", "b"]
    assert raw == [{"text": "a"}, {"text": "b"}]
    assert told == (True, True, None, None, 2)


def test_null_is_a_record_of_json_lines():
    assert outcome(Lines, b"null\n0\n")[2] == [None, 0]


@pytest.mark.parametrize("make", [Lines, Bars])
def test_a_record_of_the_limit_is_read_and_a_longer_one_is_not(make):
    end = {Lines: b"\n", Bars: b"||"}[make]
    fits = json.dumps({"text": "x" * (LIMIT - 12)}).encode()
    assert len(fits) == LIMIT
    assert len(decode(make, fits + end)) == 1
    assert outcome(make, b" " + fits + end)[3][3][0] == "too_large"
    assert outcome(make, b"x" * (LIMIT + len(end)))[3][3][0] == "too_large"


# What the base class knows


def test_the_answer_is_made_of_texts_sources_ids_and_doubt():
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


def test_a_report_with_a_status_keeps_it():
    failure = StreamFailure(ErrorResponse(status=429, message="too fast"))
    assert (failure.kind, failure.reason, failure.response.status) == ("vendor", "too fast", 429)
    assert StreamFailure("vendor", "no").response is None
    assert not isinstance(failure, RateLimited)


# Time


@pytest.mark.parametrize(
    ("make", "begin", "end"),
    [(Sse, b"event: raw\ndata: ", b"\n\n"), (Lines, b'{"text": "', b'"}\n'), (Bars, b'{"text": "', b'"}||')],
)
def test_a_long_record_in_small_pieces_takes_a_time_that_grows_with_its_length_only(make, begin, end):
    def seconds(size):
        whole = begin + b"x" * size + end
        pieces = [whole[at : at + 16] for at in range(0, len(whole), 16)]
        decoder, best = None, []
        for _ in range(3):
            decoder, began = make(10**8), time.process_time()
            assert sum(len(list(decoder.feed(piece))) for piece in pieces) == 1
            best.append(time.process_time() - began)
        return min(best)

    # Eight times as long: eight times the time, not sixty-four.
    assert seconds(1_600_000) < 24 * max(seconds(200_000), 0.002)
