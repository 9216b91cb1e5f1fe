"""What an error amounts to that an adapter's flow raises of its own."""

from __future__ import annotations

import pytest

from unichat.errors import AdapterError, InvalidInput, InvalidResponse, NotFound
from unichat.policy.flow_errors import judge_flow_error
from unichat.policy.redaction import redaction_for
from unichat.record import CallRecord

SECRET = "sesame-key"
RECORD = CallRecord(backend="echo", operation="post_chat", call_id="0123abcd", status=200)


def judge(problem, *, record=RECORD, has_question=True, backend="echo", operation="chat"):
    return judge_flow_error(
        problem, redaction_for(SECRET), backend=backend, operation=operation, record=record, has_question=has_question
    )


def test_judge_flow_error_for_a_mistake_is_an_adapter_error_that_may_have_been_delivered():
    error = judge(KeyError(SECRET))
    assert type(error) is AdapterError
    assert (error.backend, error.operation, error.status, error.maybe_delivered) == ("echo", "post_chat", 200, True)
    assert error.call is not None
    assert (error.call.call_id, error.call.maybe_delivered, error.call.stopped_by) == (
        "0123abcd",
        True,
        "not_retryable",
    )
    assert SECRET not in f"{error} {error.__cause__!r}"


def test_judge_flow_error_before_anything_was_sent_tells_of_no_call():
    error = judge(KeyError("x"), record=None)
    assert (type(error), error.operation, error.call) == (AdapterError, "chat", None)


@pytest.mark.parametrize(
    ("backend", "record", "words"),
    [
        ("echo", None, "echo's adapter"),
        ("echo", CallRecord(backend="other", operation="post_chat", call_id="0123abcd"), "echo's adapter"),
        (None, RECORD, "echo's adapter"),
        (None, None, "the backend's adapter"),
    ],
)
def test_judge_flow_error_names_the_backend_of_the_call_or_else_of_its_record(backend, record, words):
    assert judge(KeyError("x"), backend=backend, record=record).message.startswith(f"{words} made a mistake")


def test_judge_flow_error_for_an_unreadable_answer_redacts_it_and_gives_a_hint():
    error = judge(InvalidResponse(f"no id in {SECRET}", kind="shape", excerpt=f"key={SECRET}"))
    assert (error.message, error.excerpt) == ("no id in ***", "key=***")
    assert (error.maybe_delivered, error.operation) == (True, "post_chat")
    assert error.hint


def test_judge_flow_error_keeps_the_hint_that_the_adapter_gave():
    assert judge(InvalidResponse("x", kind="shape", hint="Look there.")).hint == "Look there."


def test_judge_flow_error_for_a_model_that_the_answer_does_not_fit_blames_the_answer():
    error = judge(InvalidInput("the id is too long", argument="id"))
    assert type(error) is InvalidResponse
    assert "echo's adapter could not read the answer (the id is too long)" in error.message


@pytest.mark.parametrize(
    ("problem", "has_question"),
    [
        (InvalidInput("no such page", argument="page"), False),
        (InvalidInput("refused", argument="question", source="vendor"), True),
        (NotFound("gone"), True),
    ],
)
def test_judge_flow_error_for_another_error_of_ours_is_the_error_itself(problem, has_question):
    assert judge(problem, has_question=has_question) is problem
    assert problem.call is None


def test_judge_flow_error_drops_the_frames_which_hold_the_answer():
    with pytest.raises(InvalidResponse) as caught:
        raise InvalidResponse("x", kind="shape")
    assert judge(caught.value).__traceback__ is None


def test_judge_flow_error_logs_what_was_sent_with_its_call_id(caplog):
    judge(KeyError("x"))
    assert "[0123abcd]" in caplog.text
    caplog.clear()
    judge(KeyError("x"), record=None)
    judge(NotFound("x"))
    assert caplog.text == ""
