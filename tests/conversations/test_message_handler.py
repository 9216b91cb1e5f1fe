"""Handling a message: one after the other in its conversation, whatever becomes of the workers that do it."""

import pytest

from unichat.errors import ConversationBusy, DeadlineExceeded, InvalidInput, ServerError
from unichat.testing.answers import json_answer

from .stepping import Worker
from .vendors import Kadal


def count(store, table):
    return store.run(lambda tx: tx.rows(f"SELECT count(*) FROM unichat_{table}")[0][0])


def test_the_first_question_starts_a_thread_and_later_ones_continue_it(any_bots):
    talk = any_bots.worker().get("c")
    answers = [talk.ask(text) for text in ("one", "two", "three")]
    assert [answer.began for answer in answers] == ["started", "continued", "continued"]
    assert list(any_bots.vendor.conversations().values()) == [["one", "two", "three"]]
    assert talk.thread == answers[-1].thread


def test_a_conversation_goes_on_in_another_worker(any_bots):
    any_bots.worker().get("c").ask("one", user="ada")
    again = any_bots.worker().get("c")
    assert again.thread is None
    assert again.load() is not None
    assert again.ask("two", user="ben").began == "continued"
    assert list(any_bots.vendor.conversations().values()) == [["one", "two"]]


def test_two_conversations_of_one_person_do_not_disturb_each_other(any_bots):
    first, second = any_bots.worker().get("c"), any_bots.worker().get("d")
    for text in ("one", "two"):
        first.ask(text, user="ada")
        second.ask(text, user="ada")
    assert list(any_bots.vendor.conversations().values()) == [["one", "two"], ["one", "two"]]


def test_a_message_that_comes_during_an_answer_waits_and_continues_its_thread(any_bots):
    first = any_bots.ask(any_bots.worker(), "one")
    second = any_bots.ask(any_bots.worker(), "two")
    assert first.asks
    assert second.waits
    assert second.go_on().waits
    first.finish()
    second.finish()
    assert (first.answer.began, second.answer.began) == ("started", "continued")
    assert list(any_bots.vendor.conversations().values()) == [["one", "two"]]


def test_messages_have_their_turns_in_the_order_in_which_they_came(bots):
    workers = [bots.ask(bots.worker(), text) for text in ("one", "two", "three", "four")]
    workers[0].finish()
    # The last looks first, and still has to wait.
    for worker in reversed(workers[1:]):
        worker.go_on()
    assert [worker.waits for worker in workers[1:]] == [False, True, True]
    for worker in workers[1:]:
        worker.finish()
    assert bots.vendor.questions == ["one", "two", "three", "four"]


def test_different_conversations_do_not_wait_for_each_other(bots):
    worker = bots.worker()
    first, second = bots.ask(worker, "one", key="c"), bots.ask(worker, "two", key="d")
    assert first.asks
    assert second.asks


def test_a_message_that_comes_between_an_answer_and_its_end_is_not_stranded(bots):
    # Frameworks look for messages, then release the lock: what comes in between waits for ever.
    first = bots.ask(bots.worker(), "one")
    second = bots.ask(bots.worker(), "two")
    first.finish()
    third = bots.ask(bots.worker(), "three")
    assert third.waits
    second.finish()
    third.finish()
    assert bots.vendor.questions == ["one", "two", "three"]


def test_a_message_whose_turn_does_not_come_in_time_gives_its_ticket_back(bots, store):
    first = bots.ask(bots.worker(), "one")
    late = bots.ask(bots.worker(), "two", deadline=3, event="e").finish()
    assert isinstance(late.error, DeadlineExceeded)
    assert late.error.maybe_delivered is False
    assert bots.clock.now < 1_800_000_010
    first.finish()
    # Neither a ticket nor the event is left behind.
    assert bots.ask(bots.worker(), "two again", event="e").asks


def test_the_time_spent_waiting_counts_for_the_deadline_of_the_question(bots):
    first = bots.ask(bots.worker(), "one")
    second = bots.ask(bots.worker(), "two", deadline=50)
    bots.clock.advance(20)
    first.finish()
    second.go_on()
    assert second.asks
    assert 29 < second.effect.deadline.remaining() <= 30


def test_the_turn_of_a_worker_that_was_killed_passes_on_when_its_lease_runs_out(bots):
    bots.ask(bots.worker(lease=30), "one").kill()
    second = bots.ask(bots.worker(), "two")
    bots.clock.advance(29)
    assert second.go_on().waits
    bots.clock.advance(2)
    assert second.go_on().asks


def test_a_worker_that_waits_and_is_killed_is_passed_over(bots):
    first = bots.ask(bots.worker(), "one")
    bots.ask(bots.worker(), "two").kill()
    third = bots.ask(bots.worker(), "three")
    first.finish()
    bots.clock.advance(31)
    third.finish()
    assert bots.vendor.questions == ["one", "three"]


def test_a_lease_is_renewed_while_a_call_runs_and_while_a_message_waits(bots):
    workers = [bots.worker(lease=30), bots.worker(lease=30)]
    first, second = bots.ask(workers[0], "one"), bots.ask(workers[1], "two")
    for _ in range(5):
        bots.clock.advance(20)
        for worker in workers:
            Worker(worker._leases.renew()).finish()
        assert second.go_on().waits
    third = bots.ask(bots.worker(), "three")
    assert first.finish().answer.began == "started"
    assert second.finish().answer.began == "continued"
    third.finish()
    assert bots.vendor.questions == ["one", "two", "three"]


def test_a_worker_that_was_suspended_gives_its_answer_and_stores_nothing(bots, store):
    suspended = bots.ask(bots.worker(lease=30), "one", event="e1")
    bots.clock.advance(40)
    bots.worker().get("c").ask("two")
    before = count(store, "answers")
    suspended.finish()
    assert suspended.answer.text == "echo: one"
    assert count(store, "answers") == before
    # The conversation goes on in the thread of the one that was not suspended.
    bots.worker().get("c").ask("three")
    assert bots.vendor.conversations()[bots.vendor.rows[0].thread] == ["two", "three"]


def test_a_message_that_was_suspended_while_it_waited_goes_to_the_end_of_the_queue(bots):
    first = bots.ask(bots.worker(), "one")
    suspended = bots.ask(bots.worker(), "two")
    bots.clock.advance(40)
    # The first's lease has run out as well.
    third = bots.ask(bots.worker(), "three")
    assert third.asks
    assert suspended.go_on().waits
    third.finish()
    suspended.finish()
    first.finish()
    assert bots.vendor.questions == ["three", "two", "one"]


def test_a_question_that_fails_ends_its_turn(bots):
    first = bots.ask(bots.worker(attempts=1), "one")
    second = bots.ask(bots.worker(), "two")
    first.effect.transport.answer = lambda request: json_answer({"detail": "no"}, 503)
    first.finish()
    assert isinstance(first.error, ServerError)
    assert second.finish().answer.began == "started"
    assert bots.vendor.questions == ["two"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, TimeoutError])
def test_an_interruption_ends_a_turn_and_passes_through(bots, interruption):
    first = bots.ask(bots.worker(), "one")
    first.interrupt(interruption())
    assert isinstance(first.error, interruption)
    assert bots.ask(bots.worker(), "two").asks


def test_an_interruption_of_a_message_that_waits_gives_its_ticket_back(bots):
    first = bots.ask(bots.worker(), "one")
    second = bots.ask(bots.worker(), "two")
    second.interrupt(KeyboardInterrupt())
    assert isinstance(second.error, KeyboardInterrupt)
    first.finish()
    assert bots.ask(bots.worker(), "three").asks


def test_refuse_raises_at_once_while_another_message_is_answered(bots):
    first = bots.ask(bots.worker(overlap="refuse"), "one")
    second = bots.ask(bots.worker(overlap="refuse"), "two", event="e2")
    assert isinstance(second.error, ConversationBusy)
    assert second.error.conversation == "c"
    assert second.error.retryable
    first.finish()
    # The refused message has claimed nothing: frameworks lost it for good.
    assert bots.ask(bots.worker(overlap="refuse"), "two", event="e2").finish().answer.began == "continued"


def test_refuse_lets_the_same_event_wait_for_its_answer(bots):
    first = bots.ask(bots.worker(overlap="refuse"), "one", event="e1")
    again = bots.ask(bots.worker(overlap="refuse"), "one", event="e1")
    assert again.waits
    first.finish()
    assert again.finish().answer == first.answer
    assert bots.vendor.questions == ["one"]


def test_reset_starts_another_thread(any_bots):
    talk = any_bots.worker().get("c")
    talk.ask("one")
    talk.reset()
    assert talk.thread is None
    assert talk.load() is None
    assert talk.ask("two").began == "started"


def test_a_reset_during_an_answer_is_not_undone_by_it(bots):
    worker = bots.worker()
    first = bots.ask(worker, "one")
    worker.get("c").reset()
    first.finish()
    assert worker.get("c").load() is None
    assert bots.ask(worker, "two").finish().answer.began == "started"


def test_reset_of_a_conversation_that_does_not_exist_does_nothing(bots, store):
    bots.worker().get("nobody").reset()
    assert count(store, "conversations") == 0


def test_a_thread_that_was_deleted_at_the_vendor_is_started_anew(bots):
    talk = bots.worker().get("c")
    talk.ask("one")
    bots.vendor.delete_threads()
    answer = talk.ask("two")
    assert answer.began == "restarted"
    assert answer.carried_over == 0
    assert talk.ask("three").began == "continued"


def test_a_thread_that_became_stale_is_started_anew(make_bots):
    bots = make_bots(Kadal)
    worker = bots.worker(check_thread=True)
    talk = worker.get("c")
    reference = talk.ask("one", user="ada").thread.user
    # Somebody asks in the name of the conversation, past it.
    bots.clients[0].chat("elsewhere", user=reference)
    answer = talk.ask("two", user="ada")
    assert answer.began == "restarted"
    assert talk.ask("three", user="ada").began == "continued"
    assert [row.question for row in bots.vendor.rows] == ["one", "elsewhere", "two", "three"]


def test_a_conversation_goes_on_when_its_vendor_is_switched(bots):
    bots.worker().get("c").ask("one", user="ada")
    other = Kadal(bots.clock)
    talk = bots.worker(other).get("c")
    assert talk.ask("two", user="ada").began == "restarted"
    assert talk.ask("three", user="ada").began == "continued"
    assert list(other.conversations().values()) == [["two", "three"]]


def test_the_speaker_is_not_told_to_a_vendor_that_keeps_one_conversation_per_user(make_bots):
    bots = make_bots(Kadal)
    bots.worker().get("c").ask("one", user="ada")
    (row,) = bots.vendor.rows
    assert row.user not in (None, "ada")
    assert "ada" not in row.user


def test_the_speaker_is_told_to_a_vendor_with_threads(bots):
    talk = bots.worker().get("c")
    talk.ask("one", user="ada")
    talk.ask("two", user="ben")
    assert [row.user["unique_client_id"] for row in bots.vendor.rows] == ["ada", "ben"]


@pytest.mark.parametrize("text", ["", "  ", None, "x" * 100_000, "\ud800"])
def test_a_bad_question_is_refused_before_it_takes_a_ticket(bots, store, text):
    with pytest.raises(InvalidInput):
        bots.worker().get("c").ask(text)
    assert count(store, "conversations") == 0


def test_history_is_that_of_the_thread(any_bots):
    worker = any_bots.worker()
    worker.get("d").ask("elsewhere")
    talk = worker.get("c")
    assert list(talk.history()) == []
    talk.ask("one")
    talk.ask("two")
    questions = [exchange.question for exchange in any_bots.worker().get("c").history()]
    assert sorted(questions) == ["one", "two"]
