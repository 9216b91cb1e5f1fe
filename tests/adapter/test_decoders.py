"""Decoders by format: the same records come of the same bytes, wherever these are cut."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.adapter.decoders import LIMIT, Bars, Lines, Sse, decode, outcome
from tests.behaviour.doubles import FAST
from unichat import StreamEvent
from unichat.adapter import ServerSentEvent, ServerSentEvents, StreamFailure


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


def test_a_byte_order_mark_is_left_out_at_the_beginning_only():
    whole = b'\xef\xbb\xbfdata: {"text": "a"}\n\n\xef\xbb\xbfdata: {"text": "b"}\n\ndata: {"text": "c"}\n\n'
    assert [text for _, text, _ in decode(Sse, whole)] == ["a", "c"]


def test_two_lines_of_data_are_joined():
    (event,) = decode(Sse, b'data: {"text":\ndata: "a"}\n\n')
    assert event[1] == "a"


def test_each_event_has_the_whole_limit():
    line = b"data: " + b"x" * (LIMIT - len(b"event: raw") - len(b"data: ")) + b"\n\n"
    assert len(decode(Sse, (b"event: raw\n" + line) * 3)) == 3
    longer = b"event: raw\n" + line + b"event: raw\ndata: x" + line.removeprefix(b"data: ")
    assert outcome(Sse, longer)[3][3][0] == "too_large"


def test_an_event_does_not_show_its_data_and_is_the_same_whether_it_was_decoded_or_not():
    one, other = (ServerSentEvent("message", b'{"text": "private"}') for _ in range(2))
    assert one.raw == '{"text": "private"}'
    assert one.json() is one.json()
    assert one.raw == {"text": "private"}
    assert "private" not in repr(one)
    assert one == other


@pytest.mark.parametrize(
    ("retry", "expected"),
    [(b"0", 0), (b"999999999", 999_999_999), (b"1000000000", None), (b"", None), (b"-1", None), (b"1.5", None)],
)
def test_a_retry_is_milliseconds_of_up_to_nine_digits(retry, expected):
    seen = []

    class KeepingDecoder(ServerSentEvents):
        def on_record(self, record):
            seen.append(record.retry)

    outcome(KeepingDecoder, b"retry: " + retry + b"\ndata: a\n\ndata: b\n\n")
    assert seen == [expected, None]


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
