"""A vendor that keeps no conversations, over HTTP and both clients: no turn is lost, whatever goes on at a time."""

from __future__ import annotations

import json

import pytest

from unichat import ThreadRef, errors

from .conftest import KNOWN
from .test_many import collect

pytestmark = pytest.mark.unproxied("they ask the example `openai`, which has no contract")


@pytest.fixture
def questions(box):
    """The questions that the last request told of."""

    def read():
        messages = json.loads(box.simulator("openai").requests[-1].body)["messages"]
        return [each["content"] for each in messages if each["role"] == "user"]

    return read


@pytest.fixture(params=["memory", "reference"])
def client(request, connect):
    return connect("openai", turns=request.param)


def test_every_question_tells_of_those_before_it(client, questions, user):
    answer = client.chat("one", user=user)
    answer = client.continue_thread(str(answer.thread), "two")
    with client.stream("three", thread=answer) as pieces:
        answer = pieces.answer
    client.continue_thread(answer, "four")
    assert questions() == ["one", "two", "three", "four"]


def test_questions_in_one_thread_at_a_time_lose_no_turn(connect, questions, user):
    client = connect("openai")
    thread = client.chat("first", user=user).thread

    def ask(client, number):
        return client.continue_thread(thread, f"number {number}")

    assert all(outcome.ok for outcome in collect(client, ask, range(6), concurrency=6, ordered=False))
    client.continue_thread(thread, "last")
    found = questions()
    assert (found[0], found[-1]) == ("first", "last")
    assert sorted(found[1:-1]) == [f"number {number}" for number in range(6)]


def test_a_second_question_within_an_open_stream_of_its_thread_is_an_error_at_once(client, questions, user):
    thread = client.chat("one", user=user).thread
    with client.stream(KNOWN, thread=thread) as pieces:
        next(iter(pieces))
        if not hasattr(client, "asynchronous"):
            with pytest.raises(errors.InvalidInput, match="its stream is open"):
                client.continue_thread(thread, "two")
        answer = pieces.answer
    client.continue_thread(answer, "three")
    assert questions() == ["one", KNOWN, "three"]


def test_a_stream_that_its_reader_leaves_leaves_the_thread_as_it_was(client, questions, user):
    thread = client.chat("one", user=user).thread
    with client.stream(KNOWN, thread=thread) as pieces:
        next(iter(pieces))
    client.continue_thread(thread, "two")
    assert questions() == ["one", "two"]


def test_a_thread_is_lost_with_its_process_unless_its_reference_holds_it(connect, questions, user):
    for turns in ("memory", "reference"):
        stored = str(connect("openai", turns=turns).chat("one", user=user).thread)
        other = connect("openai", turns=turns)
        if turns == "memory":
            with pytest.raises(errors.NotFound) as caught:
                other.continue_thread(stored, "two")
            assert caught.value.what == "thread"
        else:
            other.continue_thread(stored, "two")
            assert questions() == ["one", "two"]


def test_what_the_reference_holds_is_not_shown(connect, user):
    client = connect("openai", turns="reference")
    answer = client.chat(KNOWN, user=user)
    state = ThreadRef.parse(str(answer.thread)).state
    assert state
    with pytest.raises(errors.Unsupported) as caught:
        client.feedback(answer, "up")
    for shown in (repr(answer), repr(answer.thread), str(caught.value), repr(caught.value)):
        assert state not in shown
