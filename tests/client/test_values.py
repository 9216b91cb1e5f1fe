"""Users, metadata, answers to rate, ratings and comments: what is refused, and what becomes of the rest."""

import math
from types import MappingProxyType

import pytest

from tests.client.conftest import ANSWER, ASKING, EXCHANGE, FOREIGN, LOOSE, THREAD, check_call, expect_refusal
from unichat.errors import InvalidInput, ThreadMismatch
from unichat.models import Answer, Comment, Rating, User

# Users


USING = (
    lambda user: ("chat", ("Hi?",), user),
    lambda user: ("continue_thread", (THREAD, "Hi?"), user),
    lambda user: ("stream", ("Hi?",), user),
    lambda user: ("feedback", ("a1", "up"), user),
    lambda user: ("history", (), user),
    lambda user: ("clear_history", (), user),
)
each_using = pytest.mark.parametrize(
    "call", USING, ids=["chat", "continue_thread", "stream", "feedback", "history", "clear_history"]
)


@each_using
@pytest.mark.parametrize(
    ("user", "argument"),
    [
        (5, "user"),
        (b"ann", "user"),
        ({"id": "ann"}, "user"),
        (True, "user"),
        (User(), "user"),
        ("", "user.id"),
        (" ", "user.id"),
        ("ann\x00", "user.id"),
        ("\ud800", "user.id"),
        (User(""), "user.id"),
        (User(5), "user.id"),
        (User("ann", email=" "), "user.email"),
        (User("ann", fingerprint_id=""), "user.fingerprint_id"),
        (User("ann", slack_id=7), "user.slack_id"),
        (User("ann", discord_id="\x00"), "user.discord_id"),
        (User("ann", metadata=[1]), "user.metadata"),
        (User("ann", metadata={1: 2}), "user.metadata"),
        (User("ann", metadata={"a": math.nan}), "user.metadata"),
    ],
    ids=range(18),
)
def test_a_value_that_is_not_a_user_is_refused(call, user, argument):
    method, args, given = call(user)
    error = expect_refusal(method, *args, user=given)
    assert (type(error), error.argument) == (InvalidInput, argument)
    assert error.hint


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, None),
        ("ann", User("ann")),
        (User("ann"), User("ann")),
        (User(email="not an address"), User(email="not an address")),
        (User(metadata={"team": "x"}), User(metadata={"team": "x"})),
        ("ann/é\n", User("ann/é\n")),
    ],
)
def test_a_user_is_text_or_a_user_and_an_address_is_not_judged(user, expected):
    assert check_call("clear_history", user=user).user == expected


# Metadata


def cycle():
    metadata = {}
    metadata["self"] = metadata
    return metadata


@pytest.mark.parametrize("asking", ASKING, ids=["chat", "continue_thread", "stream"])
@pytest.mark.parametrize(
    "metadata",
    ["text", 5, [("a", 1)], {"a": object()}, {"a": b"x"}, {"a": math.nan}, {"a": [math.inf]}, {1: "a"},
     {"a": {None: 1}}, {"a": "\ud800"}, cycle()],
    ids=range(11),
)  # fmt: skip
def test_metadata_that_is_not_a_json_object_is_refused(asking, metadata):
    method, args, more = asking("Hi?", metadata=metadata)
    error = expect_refusal(method, *args, **more)
    assert (type(error), error.argument) == (InvalidInput, "metadata")


def test_metadata_is_passed_on_as_a_copy():
    metadata = {"page": "/x"}
    passed = check_call("chat", "Hi?", metadata=metadata).metadata
    assert passed == metadata
    assert passed is not metadata


def test_metadata_may_be_any_mapping_as_the_signature_says():
    assert check_call("chat", "Hi?", metadata=MappingProxyType({"page": "/x"})).metadata == {"page": "/x"}


# Answers to rate, ratings and comments


@pytest.mark.parametrize(
    "answer", [None, True, False, 1.5, b"a1", [], object(), "a\x00", "\ud800", Answer(text="no id")], ids=range(10)
)
def test_a_value_that_is_not_an_answer_is_refused(answer):
    error = expect_refusal("feedback", answer, Rating.UP)
    assert (type(error), error.argument) == (InvalidInput, "answer")


@pytest.mark.parametrize(
    ("answer", "expected"), [("a1", "a1"), (17, 17), (ANSWER, "a1"), (EXCHANGE, "a2"), (LOOSE, "a1")]
)
def test_an_answer_is_an_answer_an_exchange_or_an_id(answer, expected):
    call = check_call("feedback", answer, Rating.UP)
    assert call.answer_id == expected
    assert call.thread == getattr(answer, "thread", None)


def test_the_answer_of_another_backends_thread_is_refused():
    error = expect_refusal("feedback", Answer(text="a", id="a1", thread=FOREIGN), Rating.UP)
    assert type(error) is ThreadMismatch


@pytest.mark.parametrize("rating", [None, "", "UP", "great", 1, True, ["up"], {"up": 1}, b"up"])
def test_an_unknown_rating_is_refused_and_the_known_ones_named(rating):
    error = expect_refusal("feedback", "a1", rating)
    assert (type(error), error.argument) == (InvalidInput, "rating")
    assert "Rating.UP or Rating.DOWN" in error.hint


@pytest.mark.parametrize(
    ("rating", "expected"),
    [("up", Rating.UP), ("down", Rating.DOWN), (Rating.UP, Rating.UP), (Rating.DOWN, Rating.DOWN)],
)
def test_a_rating_may_be_text(rating, expected):
    assert check_call("feedback", "a1", rating).rating is expected


@pytest.mark.parametrize(
    "comment", [5, b"bad", ["bad"], {"text": "bad"}, "a\x00", Comment(5), "x" * 10_001], ids=range(7)
)
def test_a_value_that_is_not_a_comment_is_refused(comment):
    error = expect_refusal("feedback", "a1", "down", comment=comment)
    assert (type(error), error.argument) == (InvalidInput, "comment")


def test_a_long_comment_is_refused_with_the_limit():
    assert expect_refusal("feedback", "a1", "down", comment="x" * 10_001).limit == 10_000


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (None, None),
        ("bad", Comment("bad")),
        (Comment(incorrect=True), Comment(incorrect=True)),
        ("x" * 10_000, Comment("x" * 10_000)),
    ],
    ids=range(4),
)
def test_a_comment_is_text_or_a_comment(comment, expected):
    assert check_call("feedback", "a1", "down", comment=comment).comment == expected
