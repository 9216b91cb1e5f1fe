import gc

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import CannedStream, LineDecoder, bench, operation, records, stream_operation
from tests.canned_streams import WHOLE, respond
from unichat.client.streams import AnswerStream
from unichat.errors import InvalidInput, InvalidResponse, ServerError, StreamInterrupted, UnichatError
from unichat.models import Source, ThreadRef
from unichat.transport.base import TransportFailure

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
