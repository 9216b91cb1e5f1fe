"""Streams that break after their first event: what the error says, and what it has of the answer."""

import pytest
from attrs import evolve

from tests.canned import CannedStream, LineDecoder, bench, records, stream_operation
from tests.canned_streams import WHOLE, respond
from unichat.errors import StreamInterrupted, UnichatError
from unichat.models import Source, ThreadRef
from unichat.transport.base import TransportFailure

BREAKS = [
    (TransportFailure("truncated", "the words of it"), "response truncated: the words of it"),
    (TransportFailure("stalled"), "response stalled"),
    (TransportFailure("reset"), "connection reset before the response"),
    (b"no json\n", "no JSON"),
    (b"x" * 2000, "a long record"),
    (records({"error": "overloaded"})[0], "overloaded"),
]


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
