"""`from unichat import *`, for type checkers: it is checked and never run."""

# ruff: noqa: F403, F405 - this is what it is about

from typing import assert_type

from unichat import *


def ask() -> None:
    client = connect("kapa")
    assert_type(client, Client)
    answer = client.chat("Hi?")
    assert_type(answer, Answer)
    assert_type(answer.ref, AnswerRef | None)
    assert_type(client.feedback(str(answer.ref), Rating.UP), FeedbackReceipt)
    assert_type(AnswerRef.parse("…").thread_ref, ThreadRef | None)
    raise errors.ConfigError(__version__)
