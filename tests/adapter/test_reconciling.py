"""Looking for a lost answer by its question and its time."""

from datetime import UTC, datetime, timedelta

import pytest

from unichat.adapter import ChatCall, as_flow, reconcile_call
from unichat.errors import UnichatError
from unichat.models import Exchange
from unichat.record import CallRecord

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def lose():
    error = UnichatError("lost")
    error.call = CallRecord(call_id="c", backend="acme", operation="chat", stopped_by="maybe_delivered")
    return error


def exchange(question="q", answer="a", seconds=1.0, **more):
    created_at = None if seconds is None else NOW + timedelta(seconds=seconds)
    return Exchange(question=question, answer=answer, created_at=created_at, id="7", **more)


def result(exchanges, *, reconcile=True):
    """What comes of a question whose answer is lost the first time, and the times that it was asked."""
    asked = []

    def send():
        asked.append(1)
        if len(asked) == 1:
            raise lose()
        return "asked again"
        yield

    call = ChatCall(backend="acme", operation="chat", question="q", reconcile=reconcile)
    flow = reconcile_call(call, send, lambda: as_flow(exchanges), NOW)
    with pytest.raises(StopIteration) as stop:
        next(flow)
    return stop.value.value, len(asked)


def test_the_exchange_with_the_question_is_the_answer():
    answer, asked = result([exchange("other"), exchange()])
    assert (answer.text, answer.id, asked) == ("a", "7", 1)


@pytest.mark.parametrize(
    "exchanges",
    [
        [],
        [exchange("other")],
        [exchange(answer="")],
        [exchange(seconds=None)],
        [exchange(seconds=-6)],
        [exchange()] * 2,
    ],
    ids=["none", "another question", "no answer yet", "no time", "an earlier one", "two of them"],
)
def test_otherwise_the_question_is_asked_again(exchanges):
    assert result(exchanges) == ("asked again", 2)


def test_the_vendors_clock_may_be_a_little_behind():
    assert result([exchange(seconds=-4)])[1] == 1


def test_nothing_is_looked_for_unless_the_caller_wants_that():
    with pytest.raises(UnichatError, match="lost"):
        result([exchange()], reconcile=False)
