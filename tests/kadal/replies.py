"""Kadal's replies, the calls that get them, and the errors that are raised for them."""

import pytest

from tests.behaviour.doubles import (
    BOT,
    client_on,
    reply,
    stub_replies,
)
from unichat import Rating, errors

ANSWERED = {"status_code": 200, "message_id": 1, "message": "Hello"}


SEND = f"/aiwb/chat/api/v2/{BOT}"


CLEAR = f"/aiwb/chat/api/v1/clearhistory/{BOT}"


FEEDBACK = "/aiwb/chat/api/v1/feedbacks/"


LIST = "/aiwb/chat/api/v1/"


LIST_V7 = "/aiwb/chat/api/v7/"


def catch_error(call, *replies, clock=None, **settings):
    """The error that `call` raises when it gets these replies, and the requests that were sent."""
    transport = stub_replies(*replies)
    client = client_on(transport, "kadal", clock, **settings)
    with pytest.raises(errors.UnichatError) as raised:
        call(client)
    return raised.value, transport.sent


def ask(client):
    return client.chat("q")


def envelope(status, message="words", **more):
    return {"status_code": status, "message": message, **more}


def validation_error(*places):
    """A 422 as the framework writes it."""
    return reply(
        {"detail": [{"loc": list(place), "msg": "Field required", "type": "missing"} for place in places]}, 422
    )


FIELDS = {"bot_response_id": 1, "is_positive": True, "rating_id": 1}


IN_QUERY = {"bot_response_id": "1", "is_positive": "true", "rating_id": "1"}


def rate(client):
    return client.feedback(1, Rating.UP)


def raises_stale_thread(kadal, mini, thread, newer=None):
    """Whether continuing `thread` raises StaleThread, both for a question and a stream, and sends no question."""
    before = mini.asked
    for call in (
        lambda: kadal.continue_thread(thread, "never asked"),
        lambda: kadal.stream("never asked", thread=thread).__enter__(),
    ):
        with pytest.raises(errors.StaleThread) as raised:
            call()
        assert raised.value.thread == thread
        assert raised.value.newer == newer
        assert "chat()" in raised.value.hint
        assert raised.value.maybe_delivered is False
    assert mini.asked == before
    return True
