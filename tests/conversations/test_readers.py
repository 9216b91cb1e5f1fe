"""A reader of an open stream that asks in the same conversation: it would wait for itself."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

import unichat
from unichat.errors import DeadlineExceeded, InvalidInput


def test_asking_in_ones_own_open_stream_is_refused_at_once(any_bots):
    talk = any_bots.worker().get("c")
    with talk.stream("one", user="ada") as stream:
        for ask in (
            lambda: talk.ask("two", user="ada"),
            lambda: any_bots.workers[0].get("c").ask("two", event="e2"),
            lambda: talk.stream("two", user="ada").__enter__(),
        ):
            before = any_bots.clock.now
            with pytest.raises(InvalidInput, match="open stream"):
                ask()
            assert any_bots.clock.now == before
        assert stream.answer.text == "echo: one"
    assert talk.ask("three", user="ada").began == "continued"
    assert any_bots.vendor.questions == ["one", "three"]


def test_erasing_in_ones_own_open_stream_is_refused_at_once(bots):
    talk = bots.worker().get("c")
    talk.ask("one", user="ada")
    with talk.stream("two", user="ada"), pytest.raises(InvalidInput, match="open stream"):
        bots.workers[0].erase(user="ada")


def test_the_same_event_in_ones_own_open_stream_is_refused_at_once(bots):
    talk = bots.worker().get("c")
    with talk.stream("one", event="e1"), pytest.raises(InvalidInput, match="open stream"):
        talk.ask("one", event="e1")


def test_other_conversations_of_the_same_store_count_too(bots):
    with bots.worker().get("c").stream("one"), pytest.raises(InvalidInput, match="open stream"):
        bots.worker().get("c").ask("two")


def test_a_reader_waits_for_no_message_that_waits_for_its_stream(bots):
    with bots.worker().get("c").stream("one") as stream, ThreadPoolExecutor(1) as other_thread:
        waiting = other_thread.submit(bots.ask, bots.worker(), "two").result()
        assert waiting.waits
        with pytest.raises(InvalidInput, match="open stream"):
            bots.worker().get("c").ask("three")
        assert stream.answer.text == "echo: one"
    assert waiting.finish().answer.began == "continued"


def test_another_conversation_may_be_asked_in_an_open_stream(bots):
    worker = bots.worker()
    with worker.get("c").stream("one"):
        assert worker.get("d").ask("two").began == "started"


def test_another_thread_waits_for_an_open_stream(bots):
    worker = bots.worker()
    with worker.get("c").stream("one"), ThreadPoolExecutor(1) as other_thread, pytest.raises(DeadlineExceeded):
        other_thread.submit(worker.get("c").ask, "two", deadline=1).result()


def test_who_reads_a_stream_is_who_read_it_last(bots):
    worker = bots.worker()
    with worker.get("c").stream("one") as stream, ThreadPoolExecutor(1) as other_thread:
        other_thread.submit(list, stream).result()
        assert worker.get("c").ask("two").began == "continued"


def test_a_stream_that_was_left_keeps_nobody_from_asking(bots):
    talk = bots.worker().get("c")
    with talk.stream("one") as stream:
        next(stream)
    assert talk.ask("two").text == "echo: two"


def test_a_task_that_asks_in_its_own_open_stream_is_refused_at_once(box):
    async def bot():
        async with (
            unichat.connect_async("kapa", **box.settings("kapa")) as client,
            unichat.AsyncConversations(client) as conversations,
        ):
            talk = conversations.get("c")
            async with talk.stream("How are retries configured?") as stream:
                with pytest.raises(InvalidInput, match="open stream"):
                    await talk.ask("And the warranty?")
                other_task = asyncio.create_task(talk.ask("And the warranty?"))
                await stream.answer()
            assert (await other_task).began == "continued"
            # Left early: its turn ends in the background, and the next message waits for that.
            async with talk.stream("How are retries configured?") as stream:
                await anext(stream)
            assert (await talk.ask("And the warranty?")).began == "continued"

    asyncio.run(bot())
