"""What the tests of this room share: what a neutral call refuses, and what of it reaches the adapter."""

import pytest

from tests.canned import bench, reply
from unichat.errors import UnichatError
from unichat.models import Answer, Exchange, ThreadRef

THREAD = ThreadRef("echo", "t1")
FOREIGN = ThreadRef("kapa", "t1")
LOOSE = Answer(text="an answer without a thread", id="a1")
ANSWER = Answer(text="Yes.", id="a1", thread=THREAD)
EXCHANGE = Exchange(question="Q", answer="A", id="a2", thread=THREAD)
ASKING = (
    lambda question, **more: ("chat", (question,), more),
    lambda question, **more: ("continue_thread", (THREAD, question), more),
    lambda question, **more: ("stream", (question,), more),
)
"""The ways to ask a question: each gives the method and its arguments."""


def expect_refusal(method, *args, on=None, **kwargs):
    """The error of a neutral call that must not send anything."""
    made = on or bench()
    # The call alone: a caller learns of a mistake before anything is iterated over or entered.
    with pytest.raises(UnichatError) as caught:
        getattr(made.client, method)(*args, **kwargs)
    assert made.sent == []
    assert made.adapter.calls == []
    assert caught.value.maybe_delivered is False
    assert caught.value.attempts == ()
    assert caught.value.__context__ is None
    return caught.value


def check_call(method, *args, **kwargs):
    """The call that reached the adapter."""
    made = bench(*[reply(200, {"text": "Yes."})] * 3, **kwargs.pop("bench", {}))
    getattr(made.client, method)(*args, **kwargs)
    return made.adapter.calls[0]
