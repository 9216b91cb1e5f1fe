"""Ratings on Kadal: the rating's id, words, users, and what a rating can be given to."""

import logging

import pytest

from tests.behaviour.doubles import BOT, Canned, body_of, canned, client_on, query_of, reply
from unichat import Answer, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, errors
from unichat.transport.base import TransportFailure

from .conftest import SAMPLES

THREAD = ThreadRef("kadal", "x", user="anna", scope=BOT)
PATH = "/aiwb/chat/api/v1/feedbacks/"


@pytest.fixture
def transport():
    return Canned(lambda request: reply(SAMPLES["add_feedback"]))


@pytest.fixture
def kadal(transport):
    return client_on(transport, "kadal")


def sent(transport):
    (request,) = transport.sent
    assert (request.method, request.path) == ("POST", PATH)
    return query_of(request), body_of(request)


@pytest.mark.parametrize(
    ("rating", "positive", "identity"),
    [(Rating.UP, True, 1), (Rating.DOWN, False, 2), ("up", True, 1), ("down", False, 2)],
)
def test_a_rating_is_a_truth_and_the_tenants_id_for_it(rating, positive, identity, kadal, transport):
    receipt = kadal.feedback(41, rating, user="anna", comment="words")
    assert sent(transport) == (
        {"ext_user_id_ref": "anna"},
        {"bot_response_id": 41, "is_positive": positive, "rating_id": identity, "comment": "words"},
    )
    assert receipt == FeedbackReceipt(id="0", answer_id="41", rating=Rating(rating), comment=Comment("words"))
    assert receipt.raw == SAMPLES["add_feedback"]
    assert receipt.call.operation == "add_feedback"


def test_nobody_and_no_words_are_left_out(kadal, transport):
    kadal.feedback(41, Rating.UP)
    assert sent(transport) == ({}, {"bot_response_id": 41, "is_positive": True, "rating_id": 1})


@pytest.mark.parametrize(
    "rated",
    [
        Answer(text="a", id="41", thread=THREAD),
        Exchange(question="q", answer="a", id="41", thread=THREAD),
    ],
    ids=["answer", "exchange"],
)
@pytest.mark.parametrize("user", [None, "anna"])
def test_an_answer_or_an_exchange_is_rated_for_the_user_of_its_thread(rated, user, kadal, transport):
    kadal.feedback(rated, Rating.DOWN, user=user)
    query, body = sent(transport)
    assert query == {"ext_user_id_ref": "anna"}
    assert body["bot_response_id"] == 41


def test_a_row_of_the_bots_history_that_says_no_thread_can_be_rated(kadal, transport):
    kadal.feedback(Exchange(question="q", answer="a", id="41"), Rating.UP)
    assert sent(transport)[1]["bot_response_id"] == 41


def test_an_upvote_carries_words_as_well(kadal, transport):
    assert kadal.capabilities.feedback_comment_on_up is True
    kadal.feedback(41, Rating.UP, comment="great")
    assert sent(transport)[1]["comment"] == "great"


@pytest.mark.parametrize("flag", ["incorrect", "irrelevant", "unaddressed"])
def test_flags_are_unsupported_before_anything_is_sent(flag, kadal, transport):
    with pytest.raises(errors.Unsupported) as raised:
        kadal.feedback(41, Rating.DOWN, comment=Comment("bad", **{flag: True}))
    assert raised.value.argument == f"comment.{flag}"
    assert transport.sent == []


@pytest.mark.parametrize(("text", "words"), [("bad", "bad"), (None, None)])
def test_dropped_flags_are_logged_and_the_receipt_says_what_was_sent(text, words, kadal, transport, caplog):
    with caplog.at_level(logging.WARNING, "unichat"):
        receipt = kadal.feedback(41, Rating.DOWN, comment=Comment(text, incorrect=True), on_unsupported="drop")
    assert sent(transport)[1].get("comment") == words
    assert receipt.comment == (None if words is None else Comment(words))
    assert any("comment.incorrect" in message for message in caplog.messages)


@pytest.mark.parametrize("rating_id", [0, 3, 10**6])
def test_a_call_can_name_the_rating_id_itself(rating_id, transport):
    client_on(transport, "kadal", rating_ids=None).feedback(41, Rating.UP, rating_id=rating_id)
    assert sent(transport)[1]["rating_id"] == rating_id


def test_the_calls_rating_id_wins_over_the_settings(kadal, transport):
    kadal.feedback(41, Rating.UP, rating_id=9)
    assert sent(transport)[1]["rating_id"] == 9


@pytest.mark.parametrize("rating_id", ["9", True, 1.0, -1, 2**70], ids=repr)
def test_a_rating_id_that_is_no_whole_number_is_refused_before_anything_is_sent(rating_id, kadal, transport):
    with pytest.raises(errors.InvalidInput) as raised:
        kadal.feedback(41, Rating.UP, rating_id=rating_id)
    assert raised.value.argument == "rating_id"
    assert transport.sent == []


@pytest.mark.parametrize(
    "answer",
    ["", " ", ".", "..", "a/b", "abc", "-1", "+1", "1.0", "007", "１", "9" * 30, -1, True, None, 2**70, 1.5, b"1"],
    ids=ascii,
)
def test_an_answers_id_that_kadal_cannot_take_is_refused_before_anything_is_sent(answer, kadal, transport):
    with pytest.raises(errors.InvalidInput):
        kadal.feedback(answer, Rating.UP)
    assert transport.sent == []


def test_an_answer_whose_id_is_a_newer_lists_text_says_what_to_do(kadal, transport):
    with pytest.raises(errors.InvalidInput) as raised:
        kadal.feedback(Exchange(question="q", answer="a", id="64b7f0c2a1d3e4f5a6b7c8d9"), Rating.UP)
    assert (raised.value.argument, raised.value.backend) == ("answer", "kadal")
    assert "message_id" in raised.value.hint
    assert transport.sent == []


@pytest.mark.parametrize("rating_ids", [{"up": True}, {"up": 1, "sideways": 2}, {"down": "2"}, {"up": 1.5}], ids=repr)
def test_rating_ids_that_cannot_be_are_a_config_error(rating_ids, transport):
    with pytest.raises(errors.ConfigError, match="rating_ids"):
        client_on(transport, "kadal", rating_ids=rating_ids)


def test_a_rating_is_not_given_twice_after_an_answer_that_broke_off():
    transport = canned(TransportFailure("truncated"))
    with pytest.raises(errors.InvalidResponse) as raised:
        client_on(transport, "kadal").feedback(41, Rating.UP)
    assert raised.value.maybe_delivered is True
    assert len(transport.sent) == 1
