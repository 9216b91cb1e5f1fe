"""Kapa's streams: records split at U+241E, wherever the network cuts the bytes."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.behaviour.doubles import FAST, KAPA_URL, PROJECT, FakeClock, client_on, connect_client, reply, stub_replies
from tests.canned import CannedStream
from unichat import Source, StreamEvent, ThreadRef
from unichat.adapter import StreamFailure, splitting
from unichat.errors import InvalidResponse, ServerError, StreamInterrupted
from unichat.transport.base import TransportFailure
from unichat_kapa.stream import DELIMITER, Decoder

RECORD_LIMIT = 1024 * 1024
THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
ANSWER = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"
STREAM_URL = f"{KAPA_URL}/query/v1/projects/{PROJECT}/chat/stream/"


def record(kind, end=False, **content):
    return {"chunk": {"type": kind, "content": content, "stream_end": end}}


def piece(text, end=False):
    return record("partial_answer", end, text=text)


def sources(*urls):
    return record("relevant_sources", relevant_sources=[{"source_url": url, "title": f"T {url}"} for url in urls])


IDENTIFIERS = record("identifiers", thread_id=THREAD, question_answer_id=ANSWER)
TYPICAL = [
    record("stream_start", thread_id=THREAD),
    record("agent_activity_update", id="1", name="search", status="started", num_results=None, summary="", error=None),
    sources("https://example.com/a"),
    piece(""),
    piece("Grüße, "),
    piece("Welt \N{GRINNING FACE} \u241e!"),
    record("metadata", is_uncertain=False),
    record("identifiers", end=True, thread_id=THREAD, question_answer_id=ANSWER),
]


def encode(*records, ensure_ascii=False):
    """The bytes of a stream; in a record a delimiter is escaped, as Kapa's JSON writer does."""
    texts = (json.dumps(each, ensure_ascii=ensure_ascii).replace("\u241e", "\\u241e") for each in records)
    return b"".join(text.encode() + DELIMITER for text in texts)


def feed(*pieces):
    """A decoder that was fed with these pieces, and the events that came of it."""
    return feed_from(pieces)


def feed_from(pieces):
    decoder = Decoder(RECORD_LIMIT)
    return decoder, [event for each in pieces for event in decoder.feed(each)]


def outcome(*pieces):
    """All that can be told of a stream cut into these pieces."""
    decoder, events, failure = Decoder(RECORD_LIMIT), [], None
    try:
        for each in pieces:
            events += decoder.feed(each)
    except StreamFailure as caught:
        failure = (caught.kind, caught.reason)
    shown = [(event.type, event.text, event.sources, event.raw) for event in events]
    return shown, decoder.result(), decoder.records, None if failure else decoder.end(), failure


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.one_of(
    st.builds(piece, st.text(), st.booleans()),
    st.builds(sources, st.sampled_from(["https://a.example", "https://b.example/ä"])),
    st.just(IDENTIFIERS),
    st.builds(record, st.text(max_size=8), st.booleans(), note=JSON),
    st.just(record("metadata", is_uncertain=True)),
)


@FAST
@given(st.lists(RECORDS, max_size=6), st.data())
def test_the_events_are_the_same_wherever_the_bytes_are_cut(records, data):
    whole = encode(*records, ensure_ascii=data.draw(st.booleans()))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert outcome(*pieces) == outcome(whole)
    assert outcome(whole)[2] == records


@FAST
@given(st.binary(max_size=200), st.data())
@example(b"\xe2\x90", None)
def test_garbage_is_detected_wherever_the_bytes_are_cut(rubbish, data):
    whole = encode(piece("before")) + rubbish + DELIMITER
    cut = data.draw(st.integers(0, len(whole))) if data else len(whole) - 1
    assert outcome(whole[:cut], whole[cut:]) == outcome(whole)


def test_the_events_are_the_same_at_every_single_cut():
    whole = encode(*TYPICAL)
    expected = outcome(whole)
    for cut in range(len(whole) + 1):
        assert outcome(whole[:cut], whole[cut:]) == expected
    assert outcome(*(bytes([byte]) for byte in whole)) == expected


def test_an_answer_is_made_of_its_pieces_ids_sources_and_uncertainty():
    decoder, events = feed(encode(*TYPICAL))
    answer = decoder.result()
    assert answer.text == "".join(event.text for event in events) == "Grüße, Welt \N{GRINNING FACE} \u241e!"
    assert (answer.id, answer.thread) == (ANSWER, ThreadRef("kapa", THREAD))
    assert answer.sources == (Source("https://example.com/a", "T https://example.com/a"),)
    assert answer.uncertain is False
    assert answer.raw == decoder.records == TYPICAL
    assert [event.type for event in events] == [
        "stream_start",
        "agent_activity_update",
        "sources",
        "text",
        "text",
        "text",
        "metadata",
        "identifiers",
    ]


def test_an_escaped_delimiter_within_a_text_is_text():
    assert DELIMITER not in encode(piece("a\u241eb"))[:-3]
    decoder, (event,) = feed(encode(piece("a\u241eb")))
    assert event.text == decoder.result().text == "a\u241eb"


def test_the_ascii_record_separator_is_not_a_delimiter():
    _, events = feed(encode(piece("a\x1eb")))
    assert [event.text for event in events] == ["a\x1eb"]


@pytest.mark.parametrize("more", [{}, {"relevant": [1]}], ids=repr)
def test_a_record_of_an_unknown_type_is_an_event_with_its_type_and_json(more):
    unknown = record("next_big_thing", text="not for the answer", **more)
    decoder, (event,) = feed(encode(unknown))
    assert event == StreamEvent(type="next_big_thing")
    assert event.raw == unknown
    assert decoder.result().text == ""


@pytest.mark.parametrize("chunk", [{}, {"type": None}, {"type": 5, "content": None}, {"content": "x"}], ids=repr)
def test_a_record_without_type_or_content_is_an_event(chunk):
    decoder, (event,) = feed(encode({"chunk": chunk}))
    assert (event.type, event.text, event.raw) == ("", "", {"chunk": chunk})
    assert decoder.end() is not None


def test_sources_may_come_in_a_record_of_type_partial_answer_as_the_reference_shows():
    decoder, (event,) = feed(encode(record("partial_answer", True, relevant_sources=[{"source_url": "u"}])))
    assert event.sources == decoder.result().sources == (Source("u"),)
    assert event.text == ""
    assert decoder.end() is None


def test_an_empty_list_of_sources_does_not_remove_earlier_ones():
    decoder, _ = feed(encode(sources("u"), record("partial_answer", relevant_sources=[])))
    assert [source.url for source in decoder.result().sources] == ["u"]


@pytest.mark.parametrize("text", [7, None, ["a"]], ids=repr)
def test_a_piece_whose_text_is_no_text_is_an_event_without_one(text):
    decoder, (event,) = feed(encode(piece(text)))
    assert (event.type, event.text, decoder.result().text) == ("text", "", "")


def test_a_piece_of_text_may_bring_the_identifiers():
    decoder, (event,) = feed(encode(record("partial_answer", text="a", thread_id=THREAD)))
    assert (event.text, decoder.result().thread.id) == ("a", THREAD)


@pytest.mark.parametrize("wrong", [["u"], [None], [{"source_url": "u"}, 5]], ids=repr)
def test_sources_that_are_not_objects_fail_the_stream(wrong):
    with pytest.raises(StreamFailure) as caught:
        feed(encode(piece("a"), record("relevant_sources", relevant_sources=wrong)))
    assert caught.value.kind == "record"


def test_empty_records_and_line_ends_between_records_are_ignored():
    one, two = encode(piece("a")), encode(piece("b", end=True))
    decoder, events = feed(b"\n" + DELIMITER + one + b"\r\n" + DELIMITER + b" " + two + b"\n", b"\n")
    assert [event.text for event in events] == ["a", "b"]
    assert decoder.end() is None


@pytest.mark.parametrize(
    ("records", "may_end"),
    [
        ([], False),
        ([piece("a")], False),
        ([piece("a"), record("stream_start", thread_id=THREAD)], False),
        ([piece("a", end=True)], True),
        ([piece("a"), IDENTIFIERS], True),
        ([IDENTIFIERS, piece("a")], True),
        ([sources("u"), piece("a", end=True), piece("b")], True),
        ([record("stream_start", True, thread_id=THREAD)], True),
    ],
)
def test_a_stream_may_end_after_its_end_mark_or_after_the_identifiers(records, may_end):
    decoder, _ = feed(encode(*records))
    assert (decoder.end() is None) is may_end


@pytest.mark.parametrize("mark", [None, 0, "true", "false", False], ids=repr)
def test_only_true_marks_the_end(mark):
    decoder, _ = feed(encode({"chunk": {"type": "partial_answer", "content": {"text": "a"}, "stream_end": mark}}))
    assert decoder.end() is not None


def test_pieces_after_a_record_that_marks_the_end_still_belong_to_the_answer():
    marked = [{"chunk": {**each["chunk"], "stream_end": True}} for each in TYPICAL]
    decoder, events = feed(encode(*marked))
    assert decoder.result().text == "Grüße, Welt \N{GRINNING FACE} \u241e!"
    assert len(events) == len(TYPICAL)
    assert decoder.result().id == ANSWER


def test_half_a_record_does_not_end_the_stream_even_after_the_end_mark():
    whole = encode(piece("a", end=True), IDENTIFIERS)
    for cut in range(len(encode(piece("a", end=True))) + 1, len(whole)):
        decoder, _ = feed(whole[:cut])
        assert decoder.end() is not None
        assert not decoder.complete


def test_a_last_record_without_a_delimiter_is_incomplete():
    decoder, events = feed(encode(piece("a", end=True))[: -len(DELIMITER)])
    assert events == []
    assert decoder.end() is not None


@pytest.mark.parametrize(
    ("records", "complete"),
    [([piece("a", end=True)], False), ([IDENTIFIERS], False), ([piece("a", end=True), IDENTIFIERS], True)],
)
def test_a_stream_is_complete_only_after_both_end_mark_and_identifiers(records, complete):
    decoder, _ = feed(encode(*records))
    assert decoder.complete is complete


def test_an_answer_without_identifiers_has_no_id_and_keeps_its_thread():
    decoder = Decoder(RECORD_LIMIT, THREAD)
    list(decoder.feed(encode(piece("a", end=True))))
    assert (decoder.result().id, decoder.result().thread) == (None, ThreadRef("kapa", THREAD))
    assert feed(encode(piece("a", end=True)))[0].result().thread is None


@pytest.mark.parametrize(
    "wrong",
    [b"{", b"[]", b"null", b'"text"', b"{}", b'{"chunk": []}', b'{"chunk": null}', b"\xff", b'{"chunk": "\xe9"}'],
    ids=repr,
)
def test_a_record_that_cannot_be_read_fails_the_stream_after_those_before_it(wrong):
    decoder, events = Decoder(RECORD_LIMIT), []
    with pytest.raises(StreamFailure) as caught:
        events.extend(decoder.feed(encode(piece("good")) + wrong + DELIMITER + encode(piece("never"))))
    assert caught.value.kind == "record"
    assert caught.value.reason
    assert [event.text for event in events] == ["good"]
    assert decoder.result().text == "good"


@pytest.mark.parametrize(
    ("content", "words"),
    [({"reason": "no tokens\x1b[2J"}, "no tokens"), ({}, "no reason"), ({"reason": 5}, "no reason")],
)
def test_an_error_record_fails_the_stream_with_its_reason_made_printable(content, words):
    with pytest.raises(StreamFailure, match=words) as caught:
        feed(encode(record("error", True, **content)))
    assert caught.value.kind == "vendor"
    assert caught.value.reason.isprintable()


# Sizes


def long_record(size):
    """A record of exactly `size` bytes, without its delimiter."""
    empty = len(encode(piece(""))) - len(DELIMITER)
    return encode(piece("x" * (size - empty)))[: -len(DELIMITER)]


def test_a_record_of_exactly_the_limit_is_read_wherever_it_is_cut():
    whole = long_record(RECORD_LIMIT) + DELIMITER
    for cut in (1, RECORD_LIMIT - 1, RECORD_LIMIT, RECORD_LIMIT + 1, RECORD_LIMIT + 2):
        _, events = feed(whole[:cut], whole[cut:])
        assert len(events) == 1


@pytest.mark.parametrize("cut", [0, 65_536, RECORD_LIMIT, RECORD_LIMIT + 1, RECORD_LIMIT + 3])
def test_a_record_over_the_limit_fails_the_stream_wherever_it_is_cut(cut):
    whole = encode(piece("before")) + long_record(RECORD_LIMIT + 1) + DELIMITER
    with pytest.raises(StreamFailure) as caught:
        feed(whole[:cut], whole[cut:])
    assert caught.value.kind == "too_large"


def test_an_endless_record_fails_the_stream_at_the_limit():
    taken = 0

    def endless():
        nonlocal taken
        while taken < 3 * RECORD_LIMIT:
            taken += 65_536
            yield b"x" * 65_536

    with pytest.raises(StreamFailure) as caught:
        feed_from(endless())
    assert caught.value.kind == "too_large"
    assert taken <= RECORD_LIMIT + 65_536


def counting_bytearray():
    """A bytearray that notes how many bytes each search of it looks at, and these notes."""
    searched = []

    class CountingBytes(bytearray):
        def find(self, sought, start=0):
            found = super().find(sought, start)
            searched.append((len(self) if found < 0 else found + len(sought)) - start)
            return found

    return CountingBytes, searched


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_long_record_in_small_pieces_is_searched_about_once(size, monkeypatch):
    counting, searched = counting_bytearray()
    monkeypatch.setattr(splitting, "bytearray", counting, raising=False)
    whole = encode(piece("x" * 20_000), piece("y" * 20_000))
    _, events = feed(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert len(events) == 2
    # Each byte once, and at most the delimiter's length again with each piece: not the whole record with each.
    assert 0 < sum(searched) <= len(whole) + len(DELIMITER) * (len(whole) // size + 4)


def test_many_records_in_one_piece_are_searched_about_once(monkeypatch):
    counting, searched = counting_bytearray()
    monkeypatch.setattr(splitting, "bytearray", counting, raising=False)
    whole = encode(*[piece("x")] * 2_000)
    _, events = feed(whole)
    assert len(events) == 2_000
    assert sum(searched) <= len(whole)


def test_empty_records_are_signs_of_life():
    decoder, events = feed(encode(piece("a")) + DELIMITER + b" \n" + DELIMITER + b"\n")
    assert len(events) == 1
    assert decoder.signs_of_life == 2


def test_kapas_records_cannot_tell_their_end_for_certain():
    decoder, _ = feed(encode(*TYPICAL))
    assert decoder.complete
    assert not decoder.ended


# Through a client


def test_a_stream_over_http_returns_each_event_and_then_the_answer(kapa, vendor):
    vendor.add("POST", STREAM_URL, body=encode(*TYPICAL), content_type="text/plain")
    with kapa.stream("q") as answering:
        texts = [event.text for event in answering]
        answer = answering.answer
    assert "".join(texts) == answer.text
    assert (answer.id, answer.thread, answer.raw) == (ANSWER, ThreadRef("kapa", THREAD, scope=PROJECT), TYPICAL)
    assert answer.call.operation == "chat_streamed"


def test_an_error_record_at_the_beginning_is_a_server_error_and_retried(vendor, clock):
    vendor.add("POST", STREAM_URL, body=encode(record("error", True, reason="overloaded")))
    vendor.add("POST", STREAM_URL, body=encode(*TYPICAL))
    with connect_client("kapa", clock) as kapa, kapa.stream("q") as answering:
        answer = answering.answer
    assert answer.text.startswith("Grüße")
    assert answer.maybe_duplicated is True
    assert len(answer.call.attempts) == 2
    assert len(clock.slept) == 1


def test_a_repeated_error_record_at_the_beginning_is_raised_as_a_server_error(vendor):
    for _ in range(3):
        vendor.add("POST", STREAM_URL, body=encode(record("error", True, reason="overloaded")))
    with connect_client("kapa") as kapa, pytest.raises(ServerError, match="overloaded") as caught, kapa.stream("q"):
        pass
    assert len(caught.value.attempts) == 3
    assert caught.value.maybe_delivered is True


def interrupt(client, asked=None):
    events = []
    with pytest.raises(StreamInterrupted) as caught, client.stream("q") as answering:
        events.extend(answering)
    return events, caught.value


BEFORE = [sources("u"), piece("so far"), record("stream_start", thread_id=THREAD)]


@pytest.mark.parametrize(
    "rest",
    [
        encode(record("error", True, reason="out of tokens")),
        encode(piece("never", end=True))[:20],
        encode(IDENTIFIERS)[:-1],
        b"\xff" + DELIMITER,
        b"{}" + DELIMITER,
        encode(record("relevant_sources", relevant_sources=["no object"])),
        b"",
    ],
    ids=["error record", "half a record", "half a delimiter", "not UTF-8", "no chunk", "wrong sources", "no end"],
)
def test_a_stream_that_breaks_after_its_first_event_is_interrupted_and_not_retried(rest):
    transport = stub_replies(reply(body=encode(*BEFORE) + rest))
    events, error = interrupt(client_on(transport, "kapa"))
    assert (error.text, error.events) == ("so far", 3)
    assert len(events) == 3
    assert error.thread == ThreadRef("kapa", THREAD, scope=PROJECT)
    assert [source.url for source in error.sources] == ["u"]
    assert error.answer_id is None
    assert error.maybe_delivered is True
    assert (error.backend, error.operation) == ("kapa", "chat_streamed")
    assert len(error.attempts) == 1
    assert len(transport.sent) == 1


def stream_transport(pieces):
    """A transport whose one stream comes in these pieces."""
    return stub_replies(CannedStream(pieces))


@pytest.mark.parametrize("kind", ["truncated", "stalled"])
def test_a_truncated_body_is_interrupted_even_if_its_records_are_complete(kind):
    stream = CannedStream([encode(piece("so far")), TransportFailure(kind)])
    _, error = interrupt(client_on(stub_replies(stream), "kapa"))
    assert error.text == "so far"
    assert stream.closed


def test_a_body_truncated_after_a_complete_answer_is_still_interrupted():
    _, error = interrupt(client_on(stream_transport([encode(*TYPICAL), TransportFailure("truncated")]), "kapa"))
    assert error.answer_id == ANSWER


def test_an_idle_stream_after_a_complete_answer_has_ended():
    client = client_on(stream_transport([encode(*TYPICAL), TransportFailure("stalled")]), "kapa")
    with client.stream("q") as answering:
        assert answering.answer.id == ANSWER


@pytest.mark.parametrize(("seconds", "is_end"), [(0.0, False), (0.9, False), (1.1, True), (50.0, True)])
def test_the_deadline_ends_a_complete_answer_after_a_second_of_silence(seconds, is_end):
    clock = FakeClock()

    def silence():
        clock.now += seconds
        return TransportFailure("deadline", phase="body")

    client = client_on(stream_transport([encode(*TYPICAL), silence]), "kapa", clock)
    if is_end:
        with client.stream("q", deadline=60) as answering:
            assert answering.answer.id == ANSWER
    else:
        _, error = interrupt(client)
        assert (error.stopped_by, error.answer_id) == ("deadline", ANSWER)


def test_a_deadline_that_passed_before_more_was_asked_for_interrupts_a_complete_answer():
    # What had come meanwhile was not looked for.
    clock = FakeClock()
    client = client_on(stream_transport([encode(*TYPICAL), TransportFailure("deadline", phase="body")]), "kapa", clock)
    with client.stream("q", deadline=60) as answering:
        next(answering)
        clock.now += 61
        with pytest.raises(StreamInterrupted):
            _ = answering.answer


def test_silence_that_the_reader_filled_counts_as_the_vendors():
    clock = FakeClock()

    def silence():
        clock.now += 0.2
        return TransportFailure("deadline", phase="body")

    client = client_on(stream_transport([encode(*TYPICAL), silence]), "kapa", clock)
    with client.stream("q", deadline=60) as answering:
        next(answering)
        clock.now += 5
        assert answering.answer.id == ANSWER


@pytest.mark.parametrize("body", [b"", b"\n", DELIMITER, encode(piece("a"))[:-3]], ids=repr)
def test_a_stream_that_ends_before_its_first_event_is_invalid_and_not_retried(body):
    transport = stub_replies(reply(body=body))
    with pytest.raises(InvalidResponse) as caught, client_on(transport, "kapa").stream("q"):
        pass
    assert caught.value.kind == "truncated"
    assert caught.value.maybe_delivered is True


def test_an_unreadable_first_record_is_an_invalid_response_with_its_call():
    transport = stub_replies(reply(body=encode(record("relevant_sources", relevant_sources=["no object"]))))
    with pytest.raises(InvalidResponse) as caught, client_on(transport, "kapa").stream("q"):
        pass
    assert (caught.value.backend, caught.value.operation) == ("kapa", "chat_streamed")
    assert len(caught.value.attempts) == 1


def test_the_wait_between_attempts_uses_the_tests_clock():
    clock = FakeClock()
    transport = stub_replies(reply(status=503, body=b""), reply(body=encode(piece("a", end=True))))
    with client_on(transport, "kapa", clock).stream("q") as answering:
        assert answering.answer.text == "a"
    assert len(clock.slept) == 1
