"""Streamed answers as a caller reads them: left early, of a vendor that does not stream, and of an operation."""

import pytest

from tests.canned import CannedStream, bench, reply, stream_operation
from tests.canned_streams import WHOLE, respond
from unichat.errors import InvalidInput, InvalidResponse
from unichat.models import Source

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
