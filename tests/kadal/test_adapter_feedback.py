"""The Kadal adapter's feedback: rating ids, comments, users, and what can be rated."""

import logging

import pytest

from tests.behaviour.doubles import (
    BOT,
    StubTransport,
    client_on,
    read_body,
    read_query,
    reply,
    stub_replies,
)
from unichat import Answer, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, errors
from unichat.transport.base import TransportFailure

from .conftest import SAMPLES
from .replies import (
    ANSWERED,
    FIELDS,
    IN_QUERY,
    catch_error,
    rate,
    validation_error,
)
from .test_operations import V7

THREAD = ThreadRef("kadal", "x", user="anna", scope=BOT)
PATH = "/aiwb/chat/api/v1/feedbacks/"


@pytest.fixture
def transport():
    return StubTransport(lambda request: reply(SAMPLES["add_feedback"]))


@pytest.fixture
def kadal(transport):
    return client_on(transport, "kadal")


def sent_feedback(transport):
    (request,) = transport.sent
    assert (request.method, request.path) == ("POST", PATH)
    return read_query(request), read_body(request)


@pytest.mark.parametrize(
    ("rating", "positive", "identity"),
    [(Rating.UP, True, 1), (Rating.DOWN, False, 2), ("up", True, 1), ("down", False, 2)],
)
def test_a_rating_is_sent_as_a_boolean_with_the_tenants_rating_id(rating, positive, identity, kadal, transport):
    receipt = kadal.feedback(41, rating, user="anna", comment="words")
    assert sent_feedback(transport) == (
        {"ext_user_id_ref": "anna"},
        {"bot_response_id": 41, "is_positive": positive, "rating_id": identity, "comment": "words"},
    )
    assert receipt == FeedbackReceipt(id="0", answer_id="41", rating=Rating(rating), comment=Comment("words"))
    assert receipt.raw == SAMPLES["add_feedback"]
    assert receipt.call.operation == "add_feedback"


def test_feedback_without_user_or_comment_sends_neither(kadal, transport):
    kadal.feedback(41, Rating.UP)
    assert sent_feedback(transport) == ({}, {"bot_response_id": 41, "is_positive": True, "rating_id": 1})


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
    query, body = sent_feedback(transport)
    assert query == {"ext_user_id_ref": "anna"}
    assert body["bot_response_id"] == 41


def test_a_row_of_the_bots_history_without_a_thread_can_be_rated(kadal, transport):
    kadal.feedback(Exchange(question="q", answer="a", id="41"), Rating.UP)
    assert sent_feedback(transport)[1]["bot_response_id"] == 41


def test_an_upvote_can_carry_a_comment(kadal, transport):
    assert kadal.capabilities.feedback_comment_on_up is True
    kadal.feedback(41, Rating.UP, comment="great")
    assert sent_feedback(transport)[1]["comment"] == "great"


@pytest.mark.parametrize("flag", ["incorrect", "irrelevant", "unaddressed"])
def test_comment_flags_are_unsupported_before_anything_is_sent(flag, kadal, transport):
    with pytest.raises(errors.Unsupported) as raised:
        kadal.feedback(41, Rating.DOWN, comment=Comment("bad", **{flag: True}))
    assert raised.value.argument == f"comment.{flag}"
    assert transport.sent == []


@pytest.mark.parametrize(("text", "words"), [("bad", "bad"), (None, None)])
def test_dropped_comment_flags_are_logged_and_the_receipt_says_what_was_sent(text, words, kadal, transport, caplog):
    with caplog.at_level(logging.WARNING, "unichat"):
        receipt = kadal.feedback(41, Rating.DOWN, comment=Comment(text, incorrect=True), on_unsupported="drop")
    assert sent_feedback(transport)[1].get("comment") == words
    assert receipt.comment == (None if words is None else Comment(words))
    assert any("comment.incorrect" in message for message in caplog.messages)


@pytest.mark.parametrize("rating_id", [0, 3, 10**6])
def test_a_call_can_give_the_rating_id(rating_id, transport):
    client_on(transport, "kadal", rating_ids=None).feedback(41, Rating.UP, rating_id=rating_id)
    assert sent_feedback(transport)[1]["rating_id"] == rating_id


def test_the_rating_id_of_a_call_overrides_the_settings(kadal, transport):
    kadal.feedback(41, Rating.UP, rating_id=9)
    assert sent_feedback(transport)[1]["rating_id"] == 9


@pytest.mark.parametrize("rating_id", ["9", True, 1.0, -1, 2**70], ids=repr)
def test_a_rating_id_that_is_not_a_whole_number_is_invalid_before_anything_is_sent(rating_id, kadal, transport):
    with pytest.raises(errors.InvalidInput) as raised:
        kadal.feedback(41, Rating.UP, rating_id=rating_id)
    assert raised.value.argument == "rating_id"
    assert transport.sent == []


@pytest.mark.parametrize(
    "answer",
    ["", " ", ".", "..", "a/b", "a\nb", "x" * 256, "\ud800", -1, True, None, 2**70, 1.5, b"1"],
    ids=ascii,
)
def test_an_answer_id_that_cannot_be_sent_is_invalid_before_anything_is_sent(answer, kadal, transport):
    with pytest.raises(errors.InvalidInput):
        kadal.feedback(answer, Rating.UP)
    assert transport.sent == []


@pytest.mark.parametrize(
    "answer_id", ["64b7f0c2a1d3e4f5a6b7c8d9", "007", "-1", "+1", "1.0", "abc", "１", "9" * 30], ids=ascii
)
def test_an_answer_id_that_is_text_is_sent_as_the_vendor_gave_it(answer_id, kadal, transport):
    kadal.feedback(Exchange(question="q", answer="a", id=answer_id), Rating.UP)
    kadal.feedback(answer_id, Rating.UP)
    assert [read_body(request)["bot_response_id"] for request in transport.sent] == [answer_id, answer_id]


@pytest.mark.parametrize("user_ids", ["verbatim", "uuid5"])
@pytest.mark.parametrize("rated", [Answer(text="a", id="41", thread=THREAD), "41"], ids=["answer", "id"])
def test_who_rates_need_not_be_who_asked(rated, user_ids, transport):
    kadal = client_on(transport, "kadal", user_ids=user_ids)
    kadal.feedback(rated, Rating.DOWN, user="bert")
    kadal.feedback("7", Rating.DOWN, user="bert")
    first, second = (read_query(request)["ext_user_id_ref"] for request in transport.sent)
    assert first == second
    assert (first == "bert") is (user_ids == "verbatim")


@pytest.mark.parametrize("rater", [None, "anna", "bert"])
def test_an_answer_of_an_isolated_thread_is_rated_for_its_thread_or_by_somebody_else(rater, transport):
    kadal = client_on(transport, "kadal", threads="isolated")
    thread = ThreadRef("kadal", "isolated-1", user="anna", scope=BOT)
    kadal.feedback(Answer(text="a", id="41", thread=thread), Rating.UP, user=rater)
    reference = read_query(transport.sent[-1])["ext_user_id_ref"]
    assert (reference == "bert") is (rater == "bert")
    assert len(reference) == (4 if rater == "bert" else 36)


@pytest.mark.parametrize("rating_ids", [{"up": True}, {"up": 1, "sideways": 2}, {"down": "2"}, {"up": 1.5}], ids=repr)
def test_rating_ids_of_the_wrong_type_are_a_config_error(rating_ids, transport):
    with pytest.raises(errors.ConfigError, match="rating_ids"):
        client_on(transport, "kadal", rating_ids=rating_ids)


def test_a_rating_is_not_sent_again_after_a_reply_that_broke_off():
    transport = stub_replies(TransportFailure("truncated"))
    with pytest.raises(errors.InvalidResponse) as raised:
        client_on(transport, "kadal").feedback(41, Rating.UP)
    assert raised.value.maybe_delivered is True
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("encoding", "query", "body"),
    [("json", {}, FIELDS), ("query", IN_QUERY, None), ("both", IN_QUERY, FIELDS), ("auto", {}, FIELDS)],
)
def test_feedback_fields_are_sent_where_the_setting_says(encoding, query, body):
    transport = stub_replies(reply(SAMPLES["add_feedback"]))
    rate(client_on(transport, "kadal", feedback_encoding=encoding))
    assert (read_query(transport.sent[0]), read_body(transport.sent[0])) == (query, body)


def test_auto_feedback_is_sent_again_in_the_query_after_a_422_that_wants_it_there():
    transport = stub_replies(
        validation_error(("query", "bot_response_id"), ("query", "rating_id")), reply(SAMPLES["add_feedback"])
    )
    receipt = rate(client_on(transport, "kadal", feedback_encoding="auto"))
    assert [read_body(request) for request in transport.sent] == [FIELDS, None]
    assert read_query(transport.sent[1]) == IN_QUERY
    assert receipt.id == "0"


def test_auto_feedback_gives_up_after_the_second_422():
    refusal = validation_error(("query", "rating_id"))
    error, sent = catch_error(rate, refusal, refusal, feedback_encoding="auto")
    assert (type(error), len(sent)) == (errors.InvalidInput, 2)


@pytest.mark.parametrize("place", [("body", "rating_id"), ("query", "ext_user_id_ref")], ids=".".join)
def test_auto_feedback_is_not_sent_again_for_a_field_that_the_query_would_not_fix(place):
    _, sent = catch_error(rate, validation_error(place), feedback_encoding="auto")
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("settings", "rating"),
    [({"rating_ids": None}, "up"), ({"rating_ids": {"up": 5}}, "down"), ({"rating_ids": {}}, "up")],
    ids=["none", "the other alone", "empty"],
)
def test_feedback_without_a_rating_id_is_a_config_error_before_anything_is_sent(settings, rating):
    error, sent = catch_error(lambda client: client.feedback(1, rating), **settings)
    assert isinstance(error, errors.ConfigError)
    assert (error.key, error.backend, error.operation) == ("rating_ids", "kadal", "feedback")
    assert "rating_id" in error.hint
    assert sent == []


def test_an_answer_is_rated_by_its_message_id():
    transport = stub_replies(reply({**ANSWERED, "message_id": 41}), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal")
    client.feedback(client.chat("q", user="anna"), Rating.UP)
    assert read_body(transport.sent[1])["bot_response_id"] == 41


def test_an_answer_can_be_rated_by_an_id_that_the_caller_gives():
    transport = stub_replies(reply(SAMPLES["add_feedback"]), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal")
    client.feedback(77, Rating.UP)
    client.feedback("78", Rating.UP)
    assert [read_body(request)["bot_response_id"] for request in transport.sent] == [77, 78]


@pytest.mark.parametrize(
    ("version", "page", "identity"), [("v1", SAMPLES["list_chats"], 1), ("v7", V7, 6701)], ids=["v1", "v7"]
)
def test_a_row_of_the_history_is_rated_by_the_id_that_it_shows(version, page, identity):
    transport = stub_replies(reply(page), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal", history_version=version)
    newest = next(client.history(newest_first=True, limit=1))
    client.feedback(newest, Rating.UP)
    assert read_body(transport.sent[1])["bot_response_id"] == identity
