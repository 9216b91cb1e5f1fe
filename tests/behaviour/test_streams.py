"""Streams of any vendor, over HTTP and both clients: signs of life, failures with a status, the end, replaced text."""

import time

import pytest

from tests.behaviour.own_server import DONE, HELLO, data, good, sends, serve
from tests.behaviour.own_vendor import Decoder, state_operation, stream_operation
from tests.pace import at_any_pace
from unichat import errors, join_text
from unichat.adapter import open_stream, relay_stream
from unichat.models import Answer, StreamEvent


@pytest.fixture(params=["requests", "h11"])
def over(request):
    """The event loop of the asyncio client; None for the sync one."""
    return None if request.param == "requests" else request.getfixturevalue("loop")


def read(client, **how):
    with client.stream("?", **how) as pieces:
        events = list(pieces)
    assert join_text(events) == pieces.answer.text
    return pieces.answer


def failure(client, **how):
    events = []
    with pytest.raises(errors.UnichatError) as caught, client.stream("?", **how) as pieces:
        events.extend(pieces)
    return caught.value, events


# Signs of life

ALIVE = {
    "comment": b": ping\n\n",
    "comment alone": b":\n",
    "ping": b"event: ping\ndata: {}\n\n",
    "event without data": b"event: ping\n\n",
    "empty": b"\n",
}


@pytest.mark.parametrize("alive", ALIVE.values(), ids=ALIVE)
@at_any_pace
def test_signs_of_life_keep_an_idle_stream_open_and_are_not_events(over, alive, pace):
    body = [HELLO[0], *[0.2 * pace, alive] * 4, *HELLO[1:], DONE]
    with serve(over, sends(*body)) as vendor:
        client = vendor.client(idle_timeout=0.5 * pace)
        with client.stream("?") as pieces:
            assert [event.text for event in pieces] == ["Hel", "lo", ""]
        assert pieces.answer.text == "Hello"
        assert len(pieces.raw) == 3


@pytest.mark.parametrize("alive", ALIVE.values(), ids=ALIVE)
@at_any_pace
def test_signs_of_life_keep_a_stream_open_that_has_not_begun(over, alive, pace):
    with serve(over, sends(*[0.2 * pace, alive] * 4, *HELLO, DONE)) as vendor:
        assert read(vendor.client(first_event_timeout=0.5 * pace)).text == "Hello"
        assert len(vendor.paths) == 1


@at_any_pace
def test_after_the_last_sign_of_life_silence_counts_again(over, pace):
    with serve(over, sends(HELLO[0], 0.2 * pace, b": ping\n", end="open")) as vendor:
        began = time.monotonic()
        error, events = failure(vendor.client(idle_timeout=0.4 * pace))
        assert isinstance(error, errors.StreamInterrupted)
        assert 0.5 * pace < time.monotonic() - began < 1.2 * pace
        assert len(events) == 1
    with serve(over, sends(0.2 * pace, b": ping\n", end="open")) as vendor:
        error, _ = failure(vendor.client(first_event_timeout=0.4 * pace))
        assert isinstance(error, errors.DeadlineExceeded)
        assert error.deadline == 0.4 * pace


@at_any_pace
def test_a_deadline_ends_a_stream_of_signs_of_life(over, pace):
    with serve(over, sends(*[b": ping\n", 0.05 * pace] * 100)) as vendor:
        error, _ = failure(vendor.client(first_event_timeout=5.0), deadline=0.3 * pace)
        assert isinstance(error, errors.DeadlineExceeded)


@pytest.mark.parametrize("alive", ALIVE.values(), ids=ALIVE)
def test_a_stream_that_fails_after_signs_of_life_alone_is_asked_for_again(over, alive):
    with serve(over, sends(alive, alive, data(error="overloaded", status=503)), good) as vendor:
        answer = read(vendor.client())
        assert answer.text == "Hello"
        assert [attempt.outcome for attempt in answer.call.attempts] == ["HTTP 503", "ok"]


# Failures with a status

STATUSES = {
    400: (errors.InvalidInput, 1),
    401: (errors.AuthenticationError, 1),
    403: (errors.PermissionDenied, 1),
    404: (errors.NotFound, 1),
    418: (errors.RequestRejected, 1),
    422: (errors.InvalidInput, 1),
    429: (errors.RateLimited, 3),
    500: (errors.ServerError, 3),
    503: (errors.ServerError, 3),
    507: (errors.InsufficientTokens, 3),
    0: (errors.ServerError, 3),
    200: (errors.ServerError, 3),
    302: (errors.ServerError, 3),
    1301: (errors.ServerError, 3),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_failure_before_the_first_event_is_what_its_status_is_anywhere_else(over, status):
    kind, attempts = STATUSES[status]
    with serve(over, sends(data(error="the words", status=status, code="E7"))) as vendor:
        error, _ = failure(vendor.client())
    assert type(error) is kind
    assert (error.status, error.envelope_status, error.vendor_code) == (status, status, "E7")
    assert error.vendor_message == "the words"
    assert "the words" in str(error)
    assert len(error.attempts) == attempts
    assert error.call.status == 200


@pytest.mark.parametrize("status", STATUSES)
def test_a_failure_after_the_first_event_carries_its_status_and_the_vendors_words(over, status):
    kind, _ = STATUSES[status]
    with serve(over, sends(HELLO[0], data(error="the words", status=status, code="E7"))) as vendor:
        error, events = failure(vendor.client())
        assert len(vendor.paths) == 1
    assert type(error) is errors.StreamInterrupted
    assert (error.text, error.events, len(events)) == ("Hel", 1, 1)
    assert (error.status, error.vendor_code, error.vendor_message) == (status, "E7", "the words")
    assert "the words" in str(error)
    assert error.retryable is issubclass(kind, errors.ServerError | errors.RateLimited)
    assert ".text" in error.hint


def test_a_failure_without_a_status_is_the_vendors_server(over):
    with serve(over, sends(data(error="the words")), good) as vendor:
        assert read(vendor.client()).maybe_duplicated is True
    with serve(over, sends(HELLO[0], data(error="the words"))) as vendor:
        error, _ = failure(vendor.client())
        assert (error.status, error.vendor_message, error.retryable) == (200, "the words", True)


def test_what_the_vendor_refuses_midway_does_not_open_the_breaker(over):
    for status, opens in ((400, False), (429, False), (507, False), (500, True)):
        with serve(over, sends(HELLO[0], data(error="no", status=status))) as vendor:
            client = vendor.client(breaker_failures=1)
            failure(client)
            error, _ = failure(client)
            assert isinstance(error, errors.CircuitOpen) is opens


def test_the_words_of_a_vendor_that_repeats_the_key_are_redacted(over):
    from tests.behaviour.own_vendor import KEY

    for before in ((), (HELLO[0],)):
        with serve(over, sends(*before, data(error=f"wrong key {KEY}", status=401, code=KEY))) as vendor:
            error, _ = failure(vendor.client())
            assert KEY not in f"{error} {error.vendor_message} {error.vendor_code}"


# The end


@pytest.mark.parametrize("end", ["open", "cut", "reset", "proper"])
@pytest.mark.parametrize("last", [DONE, b"data: [DONE]\r\n\r\n"], ids=["LF", "CRLF"])
def test_a_certain_end_ends_the_stream_at_once_whatever_becomes_of_its_body(over, end, last):
    with serve(over, sends(*HELLO, last, end=end)) as vendor:
        began = time.monotonic()
        assert read(vendor.client(idle_timeout=20.0), deadline=25.0).text == "Hello"
        assert time.monotonic() - began < 10


def test_a_certain_end_is_the_end_where_everything_comes_at_once(over):
    with serve(over, sends(b"".join(HELLO) + DONE + b"data: {oops\n\n", end="open")) as vendor:
        assert read(vendor.client(idle_timeout=20.0)).text == "Hello"


def test_a_certain_end_counts_also_where_its_reader_is_late_for_the_deadline(over):
    everything = sends(b"".join(HELLO) + DONE, end="open")
    with serve(over, everything) as vendor, vendor.client().stream("?", deadline=1.0) as pieces:
        next(pieces)
        time.sleep(1.2)
        assert pieces.answer.text == "Hello"


def test_the_connection_of_a_stream_with_a_certain_end_is_given_up(over):
    with serve(over, sends(*HELLO, DONE, end="open")) as vendor:
        client = vendor.client()
        read(client)
        vendor.server.settle()
        assert vendor.server.open_connections == 0
        assert client.chat("?").text == "whole"


def test_the_last_event_may_lack_its_blank_line(over):
    with serve(over, sends(*HELLO, b"data: [DONE]")) as vendor:
        assert read(vendor.client()).text == "Hello"
    with serve(over, sends(*HELLO[:2], HELLO[2].rstrip(), b"\n\n" + DONE.rstrip(), length=True)) as vendor:
        assert read(vendor.client()).id == "a1"


@pytest.mark.parametrize("end", ["proper", "cut"])
def test_a_body_that_ends_before_the_certain_end_is_an_interruption(over, end):
    with serve(over, sends(*HELLO, end=end)) as vendor:
        error, events = failure(vendor.client())
        assert isinstance(error, errors.StreamInterrupted)
        assert (error.text, error.answer_id, len(events)) == ("Hello", "a1", 3)


class LateIdDecoder(Decoder):
    """Cannot know its end for certain, but when everything has come: with the id."""

    end_mark = None

    @property
    def complete(self):
        return self.answer_id is not None

    def end(self):
        return None if self.complete else "it ended without an id"


def connect_late_id(vendor, **policy):
    return vendor.client(lambda call: open_stream(stream_operation(decoder=LateIdDecoder)), **policy)


@at_any_pace
def test_an_open_body_after_everything_is_the_end_at_a_deadline_before_the_idle_limit(over, pace):
    with serve(over, sends(*HELLO, end="open")) as vendor:
        assert read(connect_late_id(vendor, idle_timeout=60.0), deadline=1.0 + 0.5 * pace).text == "Hello"


@at_any_pace
def test_a_deadline_less_than_a_second_after_the_last_bytes_is_an_interruption(over, pace):
    with serve(over, sends(*HELLO[:2], 0.6 * pace, HELLO[2], end="open")) as vendor:
        error, events = failure(connect_late_id(vendor, idle_timeout=60.0), deadline=0.6 * pace + 0.5)
        assert isinstance(error, errors.StreamInterrupted)
        assert (error.stopped_by, len(events)) == ("deadline", 3)


@at_any_pace
def test_a_deadline_before_everything_has_come_is_an_interruption(over, pace):
    with serve(over, sends(*HELLO[:2], end="open")) as vendor:
        error, _ = failure(connect_late_id(vendor, idle_timeout=60.0), deadline=1.0 + 0.5 * pace)
        assert isinstance(error, errors.StreamInterrupted)


# Replaced text


def test_an_event_can_replace_the_text_so_far(over):
    with serve(over, sends(*HELLO, data(whole="Hi"), data(text="!"), DONE)) as vendor:
        with vendor.client().stream("?") as pieces:
            events = list(pieces)
        assert [event.replaces for event in events] == [False, False, False, True, False]
        assert pieces.answer.text == join_text(events) == "Hi!"


def test_the_text_of_an_interruption_is_what_replaced_it(over):
    with serve(over, sends(*HELLO, data(whole=""), data(text="so far"), end="cut")) as vendor:
        error, events = failure(vendor.client())
        assert error.text == join_text(events) == "so far"


# What has come of a stream that has not ended


def summarize(partial):
    return partial.text, partial.id, partial.thread and partial.thread.id


@pytest.mark.parametrize("flow", [open_stream, relay_stream])
def test_what_has_come_is_an_answer_at_any_time(over, flow):
    with serve(over, sends(*HELLO, data(text="!"), DONE)) as vendor:
        pieces = vendor.client(lambda call: flow(stream_operation(call.question))).stream("?")
        assert pieces.partial is None
        with pieces:
            seen = [summarize(pieces.partial) for _ in pieces]
        assert seen == [("Hel", None, "t-1"), ("Hello", None, "t-1"), ("Hello", "a1", "t-1"), ("Hello!", "a1", "t-1")]
        assert summarize(pieces.partial) == summarize(pieces.answer)


@pytest.mark.parametrize("flow", [open_stream, relay_stream])
def test_what_had_come_stays_when_its_reader_leaves(over, flow):
    with serve(over, sends(*HELLO, end="open")) as vendor:
        pieces = vendor.client(lambda call: flow(stream_operation(call.question))).stream("?")
        with pieces:
            assert [next(pieces).text for _ in range(3)] == ["Hel", "lo", ""]
        assert summarize(pieces.partial) == ("Hello", "a1", "t-1")


@pytest.mark.parametrize("flow", [open_stream, relay_stream])
def test_what_had_come_stays_when_the_stream_breaks(over, flow):
    with serve(over, sends(*HELLO, end="cut")) as vendor:
        pieces = vendor.client(lambda call: flow(stream_operation(call.question))).stream("?")
        with pytest.raises(errors.StreamInterrupted) as caught, pieces:
            list(pieces)
        assert summarize(pieces.partial) == (caught.value.text, caught.value.answer_id, caught.value.thread.id)


def test_what_has_come_of_something_else_than_an_answer_is_the_decoders_answer_or_none(over):
    with serve(over, good) as vendor:
        pieces = vendor.client().run(stream_operation().map(lambda answer: 1 / 0))
        with pieces:
            next(iter(pieces))
            assert summarize(pieces.partial)[0] == "Hel"

    class Odd(Decoder):
        def answer(self):
            raise ZeroDivisionError

    with serve(over, good) as vendor:
        pieces = vendor.client().run(stream_operation(decoder=Odd))
        with pieces:
            next(iter(pieces))
            assert pieces.partial is None


# Results


def test_the_result_of_a_streamed_operation_can_be_mapped_and_need_not_be_an_answer(over):
    class Ids(Decoder):
        def result(self):
            return {"id": self.answer_id}

    wanted = stream_operation(decoder=Ids).map(lambda row: row["id"]).map(str.upper)
    with serve(over, good) as vendor:
        with vendor.client().run(wanted) as pieces:
            assert len(list(pieces)) == 3
        assert pieces.answer == "A1"
        assert pieces.raw == [{"text": "Hel"}, {"text": "lo"}, {"id": "a1"}]
        client = vendor.client(lambda call: open_stream(wanted))
        with client.stream("?") as pieces:
            assert pieces.answer == "A1"
    with serve(over, sends(*HELLO[:2])) as vendor:
        pieces = vendor.client().run(wanted)
        with pieces, pytest.raises(errors.StreamInterrupted) as caught:
            list(pieces)
        assert caught.value.text == "Hello"


def test_a_mapped_result_that_is_an_answer_has_the_record_of_its_call(over):
    class Rows(Decoder):
        def result(self):
            return [self.text, self.answer_id]

    wanted = stream_operation(decoder=Rows).map(lambda row: Answer(text=row[0], id=row[1]))
    with serve(over, good) as vendor:
        answer = read(vendor.client(lambda call: open_stream(wanted)))
        assert (answer.text, answer.id, answer.call.operation) == ("Hello", "a1", "chat_streamed")


def test_a_function_that_fails_on_a_result_is_an_error_of_ours(over):
    wanted = stream_operation().map(lambda answer: answer.nothing)
    with serve(over, good) as vendor:
        pieces = vendor.client().run(wanted)
        with pieces, pytest.raises(errors.InvalidResponse, match="AttributeError"):
            _ = pieces.answer


def test_an_operation_is_tested_without_a_socket():
    decoder = stream_operation().map(lambda answer: answer.text).decoder(1000)
    assert [event.text for event in decoder.feed(HELLO[0] + DONE)] == ["Hel"]
    assert (decoder.result(), decoder.ended, decoder.end()) == ("Hel", True, None)
    assert state_operation().name == "state"
    assert StreamEvent(type="text").replaces is False
