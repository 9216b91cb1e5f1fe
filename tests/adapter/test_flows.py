"""Flows that every vendor shares: looking for an answer that was lost before asking again."""

import pytest

from tests.canned import bench, operation, reply
from unichat.adapter import Replay, ask, reconcile
from unichat.client.call_records import attach_record
from unichat.errors import ConnectionFailed, NotFound, PermissionDenied, RateLimited, ServerError
from unichat.models import Answer
from unichat.transport.base import TransportFailure

LOST = TransportFailure("reset", phase="waiting")


def complete(made):
    """What asking with reconciliation gives, with the record of its call."""
    question = operation(Replay.ASK, name="chat").map(lambda text: Answer(text=text))
    look = operation(name="look").map(lambda text: Answer(text=text) if text else None)
    call = made.context.call(None, kind="question")
    return attach_record(made.complete(reconcile(lambda: ask(question), lambda: ask(look)), call), call)


def paths(made):
    return [request.path for request in made.sent]


def outcomes(record):
    return [attempt.outcome for attempt in record.attempts]


def test_an_answer_that_was_found_carries_the_story_of_its_question():
    made = bench(LOST, reply(200, "there"))
    answer = complete(made)
    assert (answer.text, answer.maybe_duplicated) == ("there", False)
    assert (answer.call.operation, outcomes(answer.call)) == ("chat", ["reset"])


def test_an_answer_to_a_question_asked_again_says_so_and_tells_both_attempts():
    made = bench(LOST, reply(200, ""), reply(200, "again"))
    answer = complete(made)
    assert paths(made) == ["/chat", "/look", "/chat"]
    assert (answer.text, answer.maybe_duplicated) == ("again", True)
    assert [attempt.number for attempt in answer.call.attempts] == [1, 2]
    assert outcomes(answer.call) == ["reset", "ok"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_look_that_fails_leaves_the_first_error_standing(status):
    made = bench(LOST, *[reply(status, {})] * 3)
    with pytest.raises(ConnectionFailed, match="could not be read") as caught:
        complete(made)
    assert caught.value.maybe_delivered is caught.value.call.maybe_delivered is True
    assert (caught.value.operation, outcomes(caught.value)) == ("chat", ["reset"])
    assert paths(made).count("/chat") == 1


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (403, PermissionDenied), (503, ServerError)])
def test_a_second_question_that_is_refused_leaves_the_first_one_maybe_delivered(status, kind):
    made = bench(LOST, reply(200, ""), *[reply(status, {})] * 3)
    with pytest.raises(kind) as caught:
        complete(made)
    assert caught.value.maybe_delivered is True
    assert outcomes(caught.value)[0] == "reset"


def test_a_question_that_was_surely_not_received_is_not_looked_for():
    made = bench(reply(404, {}))
    with pytest.raises(NotFound) as caught:
        complete(made)
    assert paths(made) == ["/chat"]
    assert caught.value.maybe_delivered is False
