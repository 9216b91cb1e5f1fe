"""Answers that were lost with their workers, and are looked for when their events come again."""

import asyncio
import time

import pytest

import unichat
from unichat import AsyncConversations, Conversations, join_text, routing
from unichat.conversations import base
from unichat.conversations.stores.address import open_store

from .stepping import Worker
from .vendors import Kadal


def lose(bots, text, event, key="c", *, received=True, worker=None, **arguments):
    """Kill a worker whose question is out; return the id of the answer that the vendor has."""
    killed = bots.ask(worker or bots.worker(), text, key, event=event, **arguments)
    while killed.effect.request.method == "GET":
        # Kadal's newest rows are looked at before a client's first question in a thread.
        killed.go_on()
    if received:
        killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=10_000)
    killed.kill()
    bots.clock.advance(31)
    return bots.vendor.rows[-1].id if received else None


def test_a_first_question_is_found_though_a_later_one_began_the_thread(any_bots):
    lost = lose(any_bots, "one", "e1")
    assert any_bots.worker().get("c").ask("two", event="e2").began == "started"
    thread = any_bots.worker().get("c").load()
    answer = any_bots.worker().get("c").ask("one", event="e1")
    assert (answer.id, answer.began, answer.maybe_duplicated) == (lost, "started", False)
    # The conversation stays in the thread that the later one began.
    assert any_bots.worker().get("c").load() == thread
    assert any_bots.worker().get("c").ask("three").began == "continued"
    assert any_bots.vendor.questions == ["one", "two", "three"]
    assert any_bots.vendor.conversations()[any_bots.vendor.rows[1].thread][-2:] == ["two", "three"]
    # And what was found is the answer from now on.
    assert any_bots.worker().get("c").ask("one", event="e1") == answer


def test_several_first_questions_are_found_in_any_order(any_bots):
    lost = {text: lose(any_bots, text, f"e-{text}") for text in ("one", "two", "three")}
    any_bots.worker().get("c").ask("four")
    for text in ("two", "three", "one"):
        assert any_bots.worker().get("c").ask(text, event=f"e-{text}").id == lost[text]
    assert any_bots.vendor.questions == ["one", "two", "three", "four"]


def test_a_first_question_that_the_vendor_never_received_is_asked_in_the_thread_of_the_later_one(any_bots):
    lose(any_bots, "one", "e1", received=False)
    any_bots.worker().get("c").ask("two")
    answer = any_bots.worker().get("c").ask("one", event="e1")
    assert (answer.began, answer.maybe_duplicated) == ("continued", True)
    assert list(any_bots.vendor.conversations().values()) == [["two", "one"]]


def test_a_first_question_whose_second_delivery_is_killed_as_well_is_found(any_bots):
    lost = lose(any_bots, "one", "e1")
    any_bots.worker().get("c").ask("two")
    again = any_bots.ask(any_bots.worker(), "one", event="e1")
    assert again.asks
    again.kill()
    any_bots.clock.advance(31)
    assert any_bots.worker().get("c").ask("one", event="e1").id == lost
    assert any_bots.vendor.questions == ["one", "two"]


def test_a_first_question_is_found_in_a_stream(any_bots):
    lose(any_bots, "one", "e1")
    any_bots.worker().get("c").ask("two")
    thread = any_bots.worker().get("c").load()
    with any_bots.worker().get("c").stream("one", event="e1") as stream:
        assert join_text(stream) == "echo: one"
    assert stream.answer.began == "started"
    assert any_bots.vendor.questions == ["one", "two"]
    assert any_bots.worker().get("c").load() == thread


def test_a_first_question_that_waited_for_its_turn_is_found(any_bots):
    killed = any_bots.ask(any_bots.worker(), "zero", event="e0")
    waiting = any_bots.ask(any_bots.worker(), "one", event="e1")
    killed.kill()
    any_bots.clock.advance(20)
    Worker(any_bots.workers[1]._leases.renew()).finish()
    any_bots.clock.advance(20)
    waiting.go_on()
    waiting.effect.transport.send(waiting.effect.request, waiting.effect.deadline, limit=10_000)
    waiting.kill()
    any_bots.clock.advance(31)
    any_bots.worker().get("c").ask("two")
    assert not any_bots.worker().get("c").ask("one", event="e1").maybe_duplicated
    assert any_bots.vendor.questions == ["one", "two"]


def test_a_question_before_a_reset_is_found_and_the_reset_stays(any_bots):
    any_bots.worker().get("c").ask("zero")
    lost = lose(any_bots, "one", "e1")
    any_bots.worker().get("c").reset()
    answer = any_bots.worker().get("c").ask("one", event="e1")
    assert (answer.id, answer.began) == (lost, "continued")
    assert any_bots.worker().get("c").load() is None
    assert any_bots.worker().get("c").ask("two").began == "started"


def test_a_first_question_before_a_reset_does_not_undo_it(any_bots):
    lost = lose(any_bots, "one", "e1")
    any_bots.worker().get("c").reset()
    assert any_bots.worker().get("c").ask("one", event="e1").id == lost
    assert any_bots.worker().get("c").load() is None


def test_what_was_asked_before_a_reset_is_not_carried_over_after_it(bots):
    lose(bots, "one", "e1")
    worker = bots.worker(keep_texts=True, carry_over=True)
    worker.get("c").reset()
    worker.get("c").ask("two")
    worker.get("c").ask("one", event="e1")
    bots.vendor.delete_threads()
    assert worker.get("c").ask("three").carried_over == 1
    assert "one" not in bots.vendor.questions[-1].split()


def test_a_first_question_of_a_thread_that_was_started_anew_is_found(bots):
    bots.worker().get("c").ask("zero")
    bots.vendor.delete_threads()
    killed = bots.ask(bots.worker(), "one", event="e1")
    killed.go_on()
    killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=10_000)
    killed.kill()
    bots.clock.advance(31)
    assert bots.worker().get("c").ask("two").began == "restarted"
    answer = bots.worker().get("c").ask("one", event="e1")
    assert (answer.began, answer.maybe_duplicated) == ("restarted", False)
    assert bots.vendor.questions == ["one", "two"]
    assert bots.worker().get("c").ask("three").began == "continued"


@pytest.mark.parametrize("gone_on", [False, True])
def test_an_answer_that_another_conversation_got_is_not_taken(bots, gone_on):
    lose(bots, "hello", "e1", received=False)
    if gone_on:
        bots.worker().get("c").ask("two")
    bots.worker().get("d").ask("hello")
    answer = bots.worker().get("c").ask("hello", event="e1")
    assert answer.maybe_duplicated
    assert answer.thread != bots.worker().get("d").load()


def test_an_answer_that_was_lost_in_the_thread_of_another_conversation_is_not_taken(bots):
    bots.worker().get("d").ask("zero")
    lose(bots, "hello", "e1", received=False)
    lose(bots, "hello", "e1", "d")
    assert bots.worker().get("c").ask("hello", event="e1").maybe_duplicated
    assert not bots.worker().get("d").ask("hello", event="e1").maybe_duplicated
    assert bots.vendor.questions == ["zero", "hello", "hello"]


def test_an_answer_in_a_thread_that_others_asked_in_is_not_taken(bots):
    lose(bots, "hello", "e1", received=False)
    # As on a website of the same project, past this store.
    thread = bots.clients[0].chat("hello").thread
    bots.clients[0].continue_thread(thread, "and then?")
    assert bots.worker().get("c").ask("hello", event="e1").maybe_duplicated


def test_an_answer_that_was_found_late_does_not_hide_how_old_the_answers_before_it_are(make_bots):
    bots = make_bots(Kadal)
    lose(bots, "zero", "e0")
    bots.worker().get("c").ask("yes")
    bots.clock.advance(1)
    bots.worker().get("c").ask("zero", event="e0")
    bots.clock.advance(1)
    # The newest answer by the store's clock is the oldest at the vendor, which does not say when.
    lose(bots, "yes", "e1", received=False)
    assert bots.worker().get("c").ask("yes", event="e1").maybe_duplicated


@pytest.mark.parametrize("kind", ["fallback", "split"])
def test_a_first_question_over_a_route_is_found_though_a_later_one_began_the_thread(any_bots, kind):
    def worker():
        members = {"first": any_bots.worker()._client}
        make = getattr(routing, kind)
        client = make(members, **({"weights": {"first": 1}} if kind == "split" else {}))
        any_bots.workers.append(Conversations(client, store=any_bots.address))
        return any_bots.workers[-1]

    lost = lose(any_bots, "one", "e1", worker=worker(), user="ada")
    worker().get("c").ask("two", user="ada")
    thread = worker().get("c").load()
    answer = worker().get("c").ask("one", user="ada", event="e1")
    assert (answer.id, answer.profile, answer.began) == (lost, "first", "started")
    assert worker().get("c").load() == thread
    assert any_bots.vendor.questions == ["one", "two"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_a_first_question_is_found_at_the_simulated_vendors(backend, asynchronous, box, tmp_path, monkeypatch):
    later = [0.0]

    def open_later(address):
        store = open_store(address)
        store._clock = lambda: time.time() + later[0]
        return store

    monkeypatch.setattr(base, "open_store", open_later)
    address, given, key = f"sqlite:///{tmp_path / 'bot.db'}", box.settings(backend), f"c-{time.time_ns()}"
    with (
        unichat.connect(backend, **given) as client,
        Conversations(client, store=address) as conversations,
        unichat.connect(backend, **given) as other_client,
        Conversations(other_client, store=address) as other,
    ):
        asked = {"user": "ada", "metadata": None, "deadline": None}
        killed = Worker(other._arrive(key, f"one of {key}", event="e1", **asked)().ask())
        killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=100_000)
        killed.kill()
        later[0] = 31.0
        talk = conversations.get(key)
        talk.ask("two", user="ada")
        # The store's clock is the vendor's again.
        later[0] = 0.0
        if asynchronous:

            async def deliver():
                async with (
                    unichat.connect_async(backend, **given) as client,
                    AsyncConversations(client, store=address) as conversations,
                ):
                    return await conversations.get(key).ask(f"one of {key}", user="ada", event="e1")

            answer = asyncio.run(deliver())
        else:
            answer = talk.ask(f"one of {key}", user="ada", event="e1")
        assert (answer.began, answer.maybe_duplicated) == ("started", False)
        history = client.history() if backend == "kapa" else client.history(user=answer.thread.user)
        assert sum(f"one of {key}" in each.question for each in history) == 1
        assert talk.ask("three", user="ada").began == "continued"
