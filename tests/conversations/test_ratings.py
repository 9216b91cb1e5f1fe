"""Ratings: of the answer that a message shows, by anybody who reacts to it."""

import pytest

from unichat import Answer, Rating, ThreadRef
from unichat.errors import InvalidInput, ThreadMismatch, UnichatError
from unichat.testing.answers import json_answer

from .vendors import Kadal


def test_a_reaction_rates_the_answer_that_the_message_shows(any_bots):
    worker = any_bots.worker()
    answer = worker.get("c").ask("one", user="ada")
    worker.posted(answer, "m1")
    receipt = worker.rate("m1", "👍")
    assert receipt.answer_id == answer.id
    assert receipt.rating is Rating.UP
    assert len(any_bots.vendor.ratings) == 1


def test_a_reaction_rates_in_another_worker_after_a_restart(any_bots):
    worker = any_bots.worker()
    answer = worker.get("c").ask("one", user="ada")
    worker.get("c").ask("two", user="ada")
    worker.posted(answer, "m1")
    assert any_bots.worker().rate("m1", "-1").answer_id == answer.id


def test_the_rater_may_be_anybody(bots):
    worker = bots.worker()
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    worker.rate("m1", "👍", user="ben")
    assert bots.vendor.ratings[0]["user_identifier"] == "ben"


def test_the_asker_is_named_where_a_rating_needs_somebody(bots):
    worker = bots.worker()
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    worker.get("c").ask("two", user="ben")
    worker.rate("m1", "👍")
    assert bots.vendor.ratings[0]["user_identifier"] == "ada"


def test_a_rating_that_needs_somebody_where_nobody_was_ever_named_is_the_conversations(bots):
    talk = bots.worker().get("c")
    talk.ask("one")
    talk.rate("up")
    talk.rate("down")
    first, second = (rating["user_identifier"] for rating in bots.vendor.ratings)
    assert first == second
    bots.worker().get("d").ask("one")
    bots.worker().get("d").rate("up")
    assert bots.vendor.ratings[2]["user_identifier"] != first


def test_one_answer_may_be_shown_in_several_messages(bots):
    worker = bots.worker()
    answer = worker.get("c").ask("one", user="ada")
    for message in ("m1", "m2"):
        worker.posted(answer, message)
        assert worker.rate(message, "up").answer_id == answer.id


def test_a_message_that_shows_another_answer_now_rates_that(bots):
    worker = bots.worker()
    first, second = (worker.get("c").ask(text, user="ada") for text in ("one", "two"))
    worker.posted(first, "m1")
    worker.posted(second, "m1")
    assert worker.rate("m1", "up").answer_id == second.id


@pytest.mark.parametrize("reaction", ["👀", "tada", "", "up up", "thumbsup!"])
def test_a_reaction_that_is_no_verdict_gives_none_and_sends_nothing(bots, reaction):
    worker = bots.worker()
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    assert worker.rate("m1", reaction) is None
    assert worker.get("c").rate(reaction) is None
    assert bots.vendor.ratings == []


def test_a_message_that_was_never_posted_gives_none(bots):
    assert bots.worker().rate("m9", "👍", user="ada") is None


def test_the_newest_answer_of_a_conversation_can_be_rated_without_a_message(any_bots):
    talk = any_bots.worker().get("c")
    with pytest.raises(InvalidInput, match="no answer to rate"):
        talk.rate("up")
    talk.ask("one", user="ada")
    answer = talk.ask("two", user="ada")
    assert talk.rate(Rating.DOWN).answer_id == answer.id
    assert any_bots.worker().get("c").rate("thumbsup").answer_id == answer.id


def test_a_comment_goes_along(bots):
    talk = bots.worker().get("c")
    talk.ask("one", user="ada")
    assert talk.rate("down", comment="wrong").comment.text == "wrong"


@pytest.mark.parametrize("answer", [Answer(text="no id"), None, "a-1", Answer(text="", began="joined")])
def test_an_answer_without_an_id_cannot_be_posted(bots, answer):
    with pytest.raises(InvalidInput):
        bots.worker().posted(answer, "m1")


def test_an_answer_that_is_of_no_conversation_can_be_posted_and_rated(bots):
    worker = bots.worker()
    thread = ThreadRef("kapa", "t-1")
    worker.posted(Answer(text="", id="9ec8a81a-31b2-4a83-bcd8-cef9150932d2", thread=thread), "m1")
    assert worker.rate("m1", "up", user="ada").rating is Rating.UP


def test_an_answer_of_a_vendor_that_is_not_reached_any_more_is_a_mismatch_and_nothing_is_sent(bots):
    worker = bots.worker()
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    other = Kadal(bots.clock)
    switched = bots.worker(other)
    for rate in (lambda: switched.rate("m1", "👍"), lambda: switched.get("c").rate("👍")):
        with pytest.raises(ThreadMismatch):
            rate()
    assert other.ratings == []


def test_a_vendors_answer_without_a_thread_is_not_rated_at_another_vendor(bots):
    bots.worker().posted(Answer(text="", id="7"), "m0")
    worker = bots.worker()
    transport = bots.clients[-1]._transport
    transport.answer = lambda request: json_answer({"answer": "hi", "question_answer_id": "7"})
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    other = Kadal(bots.clock)
    with pytest.raises(ThreadMismatch):
        bots.worker(other).rate("m1", "👍")
    assert other.ratings == []


def test_a_rating_that_fails_at_the_vendor_is_not_stored(bots, store):
    worker = bots.worker(attempts=1)
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    bots.clients[-1]._transport.answer = lambda request: json_answer({"detail": "no"}, 500)
    with pytest.raises(UnichatError):
        worker.rate("m1", "👍")
    assert store.run(lambda tx: tx.rows("SELECT * FROM unichat_ratings")) == []


@pytest.mark.parametrize(
    "arguments",
    [("", "up"), ("m" * 1_001, "up"), (None, "up"), ("m1", 1), ("m1", None), ("m1", b"up"), ("m1", "\ud800")],
)
def test_bad_arguments_are_refused(bots, arguments):
    with pytest.raises(InvalidInput):
        bots.worker().rate(*arguments)
