import gc

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import CannedStream, LineDecoder, bench, operation, records, reply, stream_operation
from unichat.client.streams import AnswerStream
from unichat.errors import InvalidInput, InvalidResponse, ServerError, StreamInterrupted, UnichatError
from unichat.models import Source, ThreadRef
from unichat.transport.base import TransportFailure

WHOLE = records(
    {"sources": ["https://x.org"]},
    {"text": "Hel"},
    {"text": "lo"},
    {"id": "a1", "thread": "t1"},
    {"end": True},
)
BREAKS = [
    (TransportFailure("truncated", "the words of it"), "response truncated: the words of it"),
    (TransportFailure("stalled"), "response stalled"),
    (TransportFailure("reset"), "connection reset before the response"),
    (b"no json\n", "no JSON"),
    (b"x" * 2000, "a long record"),
    (records({"error": "overloaded"})[0], "overloaded"),
]


def respond(*pieces):
    opening = CannedStream(pieces)
    made = bench(opening)
    return made, opening, made.client.stream("Hi?")


# Events


def test_each_event_arrives_once_and_the_answer_at_the_end():
    made, opening, stream = respond(*WHOLE)
    with stream as pieces:
        assert [event.text for event in pieces] == ["", "Hel", "lo", "", ""]
    answer = stream.answer
    assert answer.text == "Hello"
    assert (answer.id, answer.thread) == ("a1", ThreadRef("echo", "t1"))
    assert answer.sources == (Source("https://x.org"),)
    assert answer.maybe_duplicated is False
    assert answer.call.operation == "chat_streamed"
    assert len(stream.raw) == 5
    assert len(made.sent) == 1
    assert opening.closed


@given(st.lists(st.integers(1, 12), min_size=1))
def test_the_events_are_the_same_however_the_bytes_are_cut(sizes):
    body = b"".join(WHOLE)
    pieces = []
    while body:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(body[:size])
        body = body[size:]
    _, _, stream = respond(*pieces)
    events = list(stream)
    assert [event.text for event in events] == ["", "Hel", "lo", "", ""]
    assert "".join(event.text for event in events) == stream.answer.text


def test_an_event_is_yielded_as_soon_as_it_arrives():
    _, opening, stream = respond(*WHOLE)
    assert opening.reads == 0
    next(stream)
    assert opening.reads == 1
    next(stream)
    assert opening.reads == 2


def test_nothing_is_sent_before_the_block_is_entered_or_an_event_is_read():
    made, _, stream = respond(*WHOLE)
    assert made.sent == []
    with stream:
        assert len(made.sent) == 1


def test_the_answer_reads_the_rest_of_the_stream():
    _, _, stream = respond(*WHOLE)
    with stream:
        next(stream)
        assert stream.answer.text == "Hello"
    assert stream.answer.text == "Hello"


def test_the_answer_can_be_read_without_a_block():
    _, opening, stream = respond(*WHOLE)
    assert stream.answer.text == "Hello"
    assert opening.closed


def test_the_vendors_records_read_the_rest_of_the_stream():
    _, _, stream = respond(*WHOLE)
    assert stream.raw[1] == {"text": "Hel"}
    assert len(stream.raw) == 5


def test_an_ended_stream_stays_ended():
    _, _, stream = respond(*WHOLE)
    assert len(list(stream)) == 5
    assert list(stream) == []


# The end


def test_an_idle_timeout_after_a_complete_answer_ends_the_stream():
    made, opening, stream = respond(*WHOLE, TransportFailure("stalled"))
    with stream:
        assert stream.answer.text == "Hello"
    assert opening.closed
    assert len(made.sent) == 1


def test_an_idle_timeout_before_that_interrupts_the_stream():
    _, _, stream = respond(*WHOLE[:-1], TransportFailure("stalled"))
    with stream, pytest.raises(StreamInterrupted):
        list(stream)


def test_a_cut_after_everything_has_come_is_not_a_proper_end():
    _, _, stream = respond(*WHOLE, TransportFailure("truncated"))
    with stream, pytest.raises(StreamInterrupted):
        list(stream)


def test_an_end_without_the_end_mark_is_an_interruption():
    _, _, stream = respond(*WHOLE[:-1])
    with stream, pytest.raises(StreamInterrupted, match="without its end mark"):
        list(stream)


# Interruptions


@pytest.mark.parametrize(("broken", "words"), BREAKS, ids=[words for _, words in BREAKS])
def test_a_break_after_the_first_event_raises_with_what_arrived_and_is_not_retried(broken, words):
    made, opening, stream = respond(*WHOLE[:4], broken)
    events = []
    with stream, pytest.raises(StreamInterrupted) as caught:
        events.extend(stream)
    error = caught.value
    assert error.events == 4
    assert (error.text, error.answer_id, error.thread) == ("Hello", "a1", ThreadRef("echo", "t1"))
    assert error.sources == (Source("https://x.org"),)
    assert (error.backend, error.operation, error.status) == ("echo", "chat_streamed", 200)
    assert (error.maybe_delivered, error.retryable) == (True, True)
    assert [attempt.outcome for attempt in error.attempts] == ["ok"]
    assert f"after 4 events: {words}" in str(error)
    assert ".text" in error.hint
    assert len(made.sent) == 1
    assert opening.closed
    assert error.__context__ is None


@pytest.mark.parametrize("cut", range(1, 5))
def test_the_text_so_far_is_the_text_of_the_events_yielded(cut):
    _, _, stream = respond(*WHOLE[:cut], TransportFailure("truncated"))
    texts = []
    with pytest.raises(StreamInterrupted) as caught:
        texts.extend(event.text for event in stream)
    assert caught.value.events == cut
    assert caught.value.text == ["", "Hel", "Hello", "Hello"][cut - 1]


@pytest.mark.parametrize("read", ["answer", "raw"])
def test_the_answer_of_a_broken_stream_is_never_a_part_of_it(read):
    _, _, stream = respond(*WHOLE[:2], TransportFailure("truncated"))
    with stream:
        with pytest.raises(StreamInterrupted):
            list(stream)
        with pytest.raises(UnichatError):
            getattr(stream, read)


def test_a_broken_stream_does_not_look_ended_when_read_again():
    _, _, stream = respond(*WHOLE[:2], TransportFailure("truncated"))
    with pytest.raises(StreamInterrupted):
        list(stream)
    with pytest.raises(UnichatError):
        list(stream)


def test_a_deadline_that_passes_between_events_interrupts():
    opening = CannedStream((*WHOLE[:2], TransportFailure("deadline", "body")))
    made = bench(opening)
    with made.client.stream("Hi?", deadline=50) as stream, pytest.raises(StreamInterrupted) as caught:
        list(stream)
    assert "the deadline passed: body" in str(caught.value)
    assert caught.value.text == "Hel"
    assert opening.closed


class CountingDecoder(LineDecoder):
    """A decoder whose result is not an answer."""

    def result(self):
        return 5


class Clumsy(LineDecoder):
    """A decoder with a mistake in it."""

    def feed(self, data):
        for event in super().feed(data):
            yield {"": event, "Hel": event}[event.text]


def test_an_incomplete_result_interrupts_without_partial_text():
    made = bench(CannedStream((WHOLE[1],)))
    stream = made.open(evolve(stream_operation(), decoder=CountingDecoder))
    next(stream)
    with pytest.raises(StreamInterrupted) as caught:
        next(stream)
    assert (caught.value.text, caught.value.sources, caught.value.events) == ("", (), 1)


@pytest.mark.parametrize("pieces", [WHOLE, WHOLE[2:]], ids=["later", "at once"])
def test_a_bug_in_a_decoder_raises_a_unichat_error(pieces):
    opening = CannedStream(tuple(pieces))
    made = bench(opening)
    with pytest.raises(UnichatError), made.client.run(evolve(stream_operation(), decoder=Clumsy)) as stream:
        list(stream)
    assert opening.closed


class Content(LineDecoder):
    """A decoder that is content with nothing."""

    def end(self):
        return None


def test_a_stream_that_may_be_empty_is_an_answer_without_text():
    made = bench(CannedStream(()))
    with made.client.run(evolve(stream_operation(), decoder=Content)) as stream:
        assert list(stream) == []
    assert stream.answer.text == ""


# Before the first event


def test_a_stream_is_retried_only_before_its_first_event():
    made = bench(CannedStream((), 503), TransportFailure("refused"), CannedStream(tuple(WHOLE)))
    with made.client.stream("Hi?") as stream:
        assert stream.answer.text == "Hello"
    assert len(made.sent) == 3
    assert [attempt.outcome for attempt in stream.answer.call.attempts] == ["HTTP 503", "refused", "ok"]
    assert stream.answer.maybe_duplicated is False


def test_a_stream_that_may_be_duplicated_says_so():
    made = bench(CannedStream((), 500), CannedStream(tuple(WHOLE)))
    with made.client.stream("Hi?") as stream:
        assert stream.answer.maybe_duplicated is True


def test_a_failure_before_the_first_event_is_raised_where_the_block_is_entered():
    made = bench(*[CannedStream(tuple(records({"error": "overloaded"})))] * 3)
    with pytest.raises(ServerError), made.client.stream("Hi?"):
        pytest.fail("the block is not reached")
    assert len(made.sent) == 3


@pytest.mark.parametrize("way", ["client.stream", "client.run"])
def test_a_stream_that_failed_to_start_does_not_ask_again_when_read_again(way):
    made = bench(TransportFailure("closed"))
    stream = made.client.stream("Hi?") if way == "client.stream" else made.client.run(stream_operation())
    with pytest.raises(UnichatError):
        next(stream)
    with pytest.raises(UnichatError):
        next(stream)
    with pytest.raises(UnichatError):
        _ = stream.answer
    assert len(made.sent) == 1


# Leaving early


def test_leaving_the_block_early_drops_the_connection():
    _, opening, stream = respond(*WHOLE)
    with stream:
        next(stream)
    assert opening.closed
    assert opening.reads < 5


def test_an_error_in_the_block_drops_the_connection():
    _, opening, stream = respond(*WHOLE)
    with pytest.raises(ZeroDivisionError), stream:
        _ = 1 / len(next(stream).text)
    assert opening.closed


@pytest.mark.parametrize("use", [next, list, lambda stream: stream.answer, lambda stream: stream.raw])
def test_a_stream_left_early_cannot_be_read_again(use):
    made, _, stream = respond(*WHOLE)
    with stream:
        next(stream)
    with pytest.raises(InvalidInput, match="the stream is closed") as caught:
        use(stream)
    assert "before its block is left" in caught.value.hint
    assert len(made.sent) == 1


def test_a_stream_closed_before_it_started_sends_nothing():
    made, _, stream = respond(*WHOLE)
    stream.close()
    stream.close()
    with pytest.raises(InvalidInput), stream:
        pytest.fail("the block is not reached")
    assert made.sent == []


# Other backends and the vendor's own streams


def test_a_backend_without_streaming_yields_the_whole_answer_as_one_event():
    body = {"text": "Hello", "id": "a1", "thread": "t1", "sources": [{"url": "https://x.org"}]}
    made = bench(reply(200, body), streaming=False)
    with made.client.stream("Hi?") as stream:
        (event,) = stream
    assert (event.type, event.text, event.sources, event.raw) == ("text", "Hello", (Source("https://x.org"),), body)
    assert stream.answer.text == "Hello"
    assert stream.answer.call.operation == "chat"
    assert stream.raw == [body]
    assert made.sent[0].path == "/bots/b/chat"


def test_an_answer_without_text_is_an_event_without_text():
    made = bench(reply(200, {"text": ""}), streaming=False)
    with made.client.stream("Hi?") as stream:
        assert [event.text for event in stream] == [""]


def test_a_whole_answer_left_early_cannot_be_read_again_either():
    made = bench(reply(200, {"text": "Hello"}), streaming=False)
    with made.client.stream("Hi?") as stream:
        pass
    with pytest.raises(InvalidInput):
        _ = stream.answer


def test_a_streamed_operation_runs_as_a_stream():
    made = bench(CannedStream(tuple(WHOLE)))
    with made.client.run(stream_operation()) as stream:
        assert [event.text for event in stream] == ["", "Hel", "lo", "", ""]
    assert stream.answer.text == "Hello"
    assert stream.raw[-1] == {"end": True}


def test_the_deadline_of_a_streamed_operation_counts_from_when_it_is_sent():
    made = bench(CannedStream(tuple(WHOLE)))
    stream = made.client.run(stream_operation(), deadline=5)
    made.clock.now += 60
    with stream:
        assert stream.answer.text == "Hello"


def test_a_stream_after_closing_the_client_is_refused():
    made, _, stream = respond(*WHOLE)
    made.client.close()
    with pytest.raises(InvalidInput, match="the client is closed"), stream:
        pytest.fail("the block is not reached")
    assert made.sent == []


def test_a_stream_without_an_answer_is_an_invalid_response():
    _, _, stream = respond()
    with pytest.raises(InvalidResponse):
        list(stream)


# How it ended is told when it has ended


class Observer:
    def __init__(self):
        self.heard = []

    def started(self, record):
        self.heard.append("started")

    def attempted(self, record):
        self.heard.append("attempted")

    def finished(self, record, error):
        self.heard.append((type(error).__name__, record.attempts[-1].outcome, record.stopped_by))


def observe(*pieces, **policy):
    observer = Observer()
    made = bench(CannedStream(pieces), hooks=[observer], policy=policy)
    return made, observer, made.open(stream_operation())


def test_hooks_are_notified_at_a_streams_end_and_not_at_its_first_event():
    made, observer, stream = observe(*records({"text": "a"}, {"text": "b", "end": True}))
    assert observer.heard == ["started", "attempted"]
    made.clock.now += 5
    assert [event.text for event in stream] == ["a", "b"]
    assert observer.heard[2:] == [("NoneType", "ok", None)]


def test_an_interrupted_stream_is_reported_to_hooks_log_and_breaker(caplog):
    pieces = [*records({"text": "a"}), TransportFailure("reset")]
    made, observer, stream = observe(*pieces, breaker_failures=1)
    next(stream)
    with pytest.raises(StreamInterrupted) as caught:
        next(stream)
    assert observer.heard[2:] == [("StreamInterrupted", "interrupted", "not_retryable")]
    assert f"[{caught.value.call_id}]" in caplog.text
    assert "the stream broke after 1 event" in caplog.text
    assert type(made.error(operation())).__name__ == "CircuitOpen"


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_a_stream_left_early_is_reported_to_hooks_once(leave):
    _, observer, stream = observe(*records({"text": "a"}, {"text": "b"}, {"end": True}))
    next(stream)
    if leave == "close":
        stream.close()
    del stream
    assert observer.heard[2:] == [("NoneType", "ok", None)]


def test_the_record_of_a_streamed_answer_covers_the_whole_stream():
    made = bench(CannedStream(tuple(records({"text": "a"}, {"text": "b", "end": True}))))
    pieces = made.client.stream("How?")
    next(pieces)
    made.clock.now += 7
    assert pieces.answer.call.elapsed >= 7


# Mistakes of an adapter's decoder


class Mistaken(LineDecoder):
    """Raises in one of its methods: when it is called the first time, or with the second piece."""

    def __init__(self, method):
        super().__init__()
        self._method, self._left = method, 1 if method == "feed" else 0

    def _count(self, method):
        if method == self._method:
            self._left -= 1
            if self._left < 0:
                raise ValueError("a mistake of the adapter's")

    def feed(self, data):
        self._count("feed")
        return super().feed(data)

    def end(self):
        self._count("end")
        return super().end()

    def result(self):
        self._count("result")
        return super().result()


def read_with(decoder, *pieces):
    made = bench(CannedStream(pieces))
    with made.client.run(evolve(stream_operation(), decoder=decoder)) as stream:
        assert "".join(event.text for event in stream)
        return stream.answer


@pytest.mark.parametrize("method", ["feed", "end"])
def test_a_decoder_that_raises_interrupts_the_stream_with_a_unichat_error(method):
    with pytest.raises(StreamInterrupted, match="the adapter could not read it") as caught:
        read_with(lambda limit: Mistaken(method), *WHOLE)
    assert caught.value.__context__ is None


def test_a_decoder_whose_result_raises_leads_to_a_unichat_error():
    with pytest.raises(InvalidResponse, match="the adapter could not read it") as caught:
        read_with(lambda limit: Mistaken("result"), *WHOLE)
    assert caught.value.__context__ is None


def test_a_decoder_that_cannot_be_created_raises_a_unichat_error_and_drops_the_connection():
    def mistaken(limit):
        raise ValueError("a mistake of the adapter's")

    opening = CannedStream(WHOLE)
    made = bench(opening)
    with pytest.raises(InvalidResponse), made.client.run(evolve(stream_operation(), decoder=mistaken)) as stream:
        next(stream)
    assert opening.closed


def test_a_stream_closed_while_it_opens_is_dropped_once_it_is_open():
    class Source:
        closed = 0

        def close(self, interrupted_by=None):
            self.closed += 1

    source = Source()

    def start():
        stream.close()
        return source

    stream = AnswerStream(start, list, lambda answer: answer)
    with pytest.raises(InvalidInput, match="the stream is closed"):
        next(stream)
    assert source.closed


def test_a_stream_over_a_callers_own_transport_that_is_forgotten_is_closed():
    _, opening, stream = respond(*WHOLE)
    next(stream)
    del stream
    gc.collect()
    assert opening.closed == 1
