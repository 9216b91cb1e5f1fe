"""Events: a message that the platform delivers again is asked once."""

import pytest

from unichat.errors import ServerError, UnichatError
from unichat.testing.answers import SILENCE, json_answer

from .vendors import Kadal


def test_an_event_that_was_answered_gets_the_stored_answer(any_bots):
    first = any_bots.worker().get("c").ask("one", user="ada", event="e1")
    again = any_bots.worker().get("c").ask("one", user="ada", event="e1")
    assert again == first
    assert again.began == "started"
    assert again.raw == {}
    assert any_bots.vendor.questions == ["one"]


def test_the_event_decides_and_not_the_text(bots):
    talk = bots.worker().get("c")
    assert talk.ask("one", event="e1") == talk.ask("something else", event="e1")
    assert talk.ask("one", event="e2").began == "continued"
    assert bots.vendor.questions == ["one", "one"]


def test_an_event_counts_within_its_conversation(bots):
    worker = bots.worker()
    for key in ("c", "d"):
        assert worker.get(key).ask("one", event="e1").began == "started"


def test_an_event_without_a_text_in_the_store_keeps_the_answer_and_never_the_question(bots, store):
    bots.worker().get("c").ask("a secret question", user="ada", event="e1")
    rows = store.run(lambda tx: tx.rows("SELECT * FROM unichat_events"))
    assert len(rows) == 1
    # The vendor's answer repeats it here, as vendors do; nothing else has it.
    assert str(rows).count("a secret question") == 1
    assert "echo: a secret question" in str(rows)


def test_an_event_in_progress_is_waited_for(bots):
    first = bots.ask(bots.worker(), "one", event="e1")
    again = bots.ask(bots.worker(), "one", event="e1")
    assert again.waits
    first.finish()
    assert again.go_on().answer == first.answer
    assert bots.vendor.questions == ["one"]


def test_an_event_in_progress_takes_no_ticket(bots):
    first = bots.ask(bots.worker(), "one", event="e1")
    again = bots.ask(bots.worker(), "one", event="e1")
    other = bots.ask(bots.worker(), "two", event="e2")
    first.finish()
    assert other.finish().answer.began == "continued"
    assert again.finish().answer == first.answer


def test_an_event_is_asked_again_when_its_time_is_over(bots):
    worker = bots.worker(event_ttl=60)
    worker.get("c").ask("one", event="e1")
    bots.clock.advance(61)
    worker.get("c").ask("one", event="e1")
    assert bots.vendor.questions == ["one", "one"]


def test_an_event_is_kept_for_a_day_unless_said_otherwise(bots):
    worker = bots.worker()
    worker.get("c").ask("one", event="e1")
    bots.clock.advance(86_399)
    worker.get("c").ask("one", event="e1")
    assert bots.vendor.questions == ["one"]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_an_event_whose_question_failed_is_asked_again(any_bots, status):
    worker = any_bots.worker(attempts=1)
    transport = any_bots.clients[-1]._transport
    transport.answer = lambda request: json_answer({"detail": "no", "status_code": status}, status)
    with pytest.raises(UnichatError):
        worker.get("c").ask("one", event="e1")
    transport.answer = any_bots.vendor
    assert worker.get("c").ask("one", event="e1").text == "echo: one"
    assert any_bots.vendor.questions == ["one"]


def test_an_event_whose_answer_was_lost_is_found_and_not_asked_again(any_bots):
    worker = any_bots.worker(attempts=1)
    transport = any_bots.clients[-1]._transport

    def answer_and_lose(request):
        any_bots.vendor(request)
        return SILENCE

    transport.answer = answer_and_lose
    with pytest.raises(UnichatError):
        worker.get("c").ask("one", event="e1", deadline=5)
    transport.answer = any_bots.vendor
    assert worker.get("c").ask("one", event="e1").text == "echo: one"
    assert any_bots.vendor.questions == ["one"]


def test_an_event_whose_worker_was_killed_before_it_asked_is_asked(any_bots):
    any_bots.ask(any_bots.worker(), "one", event="e1").kill()
    any_bots.clock.advance(31)
    answer = any_bots.worker().get("c").ask("one", event="e1")
    # It cannot be known that the question never went out.
    assert answer.maybe_duplicated
    assert any_bots.vendor.questions == ["one"]


@pytest.mark.parametrize("earlier", [[], ["zero"]])
def test_an_event_whose_worker_was_killed_after_it_asked_is_found(any_bots, earlier):
    for text in earlier:
        any_bots.worker().get("c").ask(text)
    killed = any_bots.ask(any_bots.worker(), "one", event="e1")
    while killed.effect.request.method == "GET":
        # Kadal's newest rows are looked at before a client's first question in a thread.
        killed.go_on()
    killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=10_000)
    killed.kill()
    any_bots.clock.advance(31)
    answer = any_bots.worker().get("c").ask("one", event="e1")
    assert answer.text == "echo: one"
    assert not answer.maybe_duplicated
    assert answer.id == any_bots.vendor.rows[-1].id
    assert any_bots.vendor.questions == [*earlier, "one"]
    # The conversation goes on in the thread that was found.
    assert any_bots.worker().get("c").ask("two").began == "continued"
    assert list(any_bots.vendor.conversations().values()) == [[*earlier, "one", "two"]]


def test_an_event_whose_answer_was_lost_is_found_though_its_conversation_has_gone_on(any_bots):
    any_bots.worker().get("c").ask("zero")
    killed = any_bots.ask(any_bots.worker(), "one", event="e1")
    while killed.effect.request.method == "GET":
        killed.go_on()
    killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=10_000)
    killed.kill()
    lost = any_bots.vendor.rows[-1].id
    any_bots.clock.advance(31)
    # Others speak before the platform delivers it again, one of them in the same words.
    for text in ("two", "one", "three"):
        any_bots.worker().get("c").ask(text)
    answer = any_bots.worker().get("c").ask("one", event="e1")
    assert (answer.id, answer.maybe_duplicated) == (lost, False)
    assert any_bots.vendor.questions == ["zero", "one", "two", "one", "three"]


def test_an_answer_to_the_same_words_before_is_not_taken_for_the_lost_one(any_bots):
    any_bots.worker().get("c").ask("yes", event="e1")
    any_bots.ask(any_bots.worker(), "yes", event="e2").kill()
    any_bots.clock.advance(31)
    answer = any_bots.worker().get("c").ask("yes", event="e2")
    assert answer.maybe_duplicated
    assert any_bots.vendor.questions == ["yes", "yes"]


def test_an_older_answer_to_the_same_words_is_not_taken_for_the_lost_one(any_bots):
    for text in ("yes", "zero"):
        any_bots.worker().get("c").ask(text)
        any_bots.clock.advance(1)
    any_bots.ask(any_bots.worker(), "yes", event="e1").kill()
    any_bots.clock.advance(31)
    assert any_bots.worker().get("c").ask("yes", event="e1").maybe_duplicated
    assert any_bots.vendor.questions == ["yes", "zero", "yes"]


def test_an_answer_in_another_conversation_is_not_taken_for_the_lost_one(any_bots):
    any_bots.ask(any_bots.worker(), "hello", key="c", event="e1").kill()
    any_bots.worker().get("d").ask("hello")
    any_bots.worker().get("e").ask("hello")
    any_bots.clock.advance(31)
    answer = any_bots.worker().get("c").ask("hello", event="e1")
    assert answer.maybe_duplicated
    assert len(any_bots.vendor.questions) == 3


def test_a_history_that_cannot_be_read_leaves_a_lost_question_unasked(bots):
    bots.worker().get("c").ask("zero")
    bots.ask(bots.worker(), "one", event="e1").kill()
    bots.clock.advance(31)
    worker = bots.worker(attempts=1)
    transport = bots.clients[-1]._transport
    transport.answer = lambda request: json_answer({"detail": "down"}, 503) if request.method == "GET" else bots.vendor
    with pytest.raises(ServerError):
        worker.get("c").ask("one", event="e1")
    assert bots.vendor.questions == ["zero"]
    transport.answer = bots.vendor
    assert worker.get("c").ask("one", event="e1").maybe_duplicated


def test_a_lost_event_of_a_vendor_with_isolated_threads_is_asked_again(make_bots):
    bots = make_bots(Kadal)
    bots.ask(bots.worker(threads="isolated"), "one", event="e1").kill()
    bots.clock.advance(31)
    assert bots.worker(threads="isolated").get("c").ask("one", event="e1").maybe_duplicated


def test_an_interrupted_question_is_looked_for_when_its_event_comes_again(bots):
    first = bots.ask(bots.worker(), "one", event="e1")
    first.effect.transport.send(first.effect.request, first.effect.deadline, limit=10_000)
    first.interrupt(KeyboardInterrupt())
    assert bots.worker().get("c").ask("one", event="e1").text == "echo: one"
    assert bots.vendor.questions == ["one"]
