"""Both classes: settings, keys, closing, and the same calls, over real HTTP."""

import asyncio
import inspect
import sqlite3
import uuid
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

import unichat
from unichat import AsyncConversations, Conversations
from unichat.conversations.async_conversations import AsyncConversation
from unichat.conversations.sync_conversations import Conversation
from unichat.errors import ConfigError, InvalidInput, StoreError

from .conftest import new_schema
from .vendors import Kapa

QUESTION = "How are retries configured?"


@pytest.mark.parametrize("key", ["", " ", "\n", None, 7, b"c", "x" * 1_001, "a\0b", "\ud800", ["c"]])
def test_a_bad_key_is_refused(bots, key):
    with pytest.raises(InvalidInput) as error:
        bots.worker().get(key)
    assert error.value.argument == "key"


@pytest.mark.parametrize("key", ["c", "slack:T1:C2:1700000.1", "x" * 1_000, "日本", "'; DROP TABLE x; --", "%:?"])
def test_any_other_text_is_a_key(bots, key):
    talk = bots.worker().get(key)
    assert talk.key == key
    assert talk.ask("one", event=key, user=key).began == "started"
    assert bots.worker().get(key).ask("two").began == "continued"


@pytest.mark.parametrize("event", ["", None, 7, "x" * 1_001])
def test_a_bad_event_is_refused_and_none_is_no_event(bots, event):
    talk = bots.worker().get("c")
    if event is None:
        assert talk.ask("one", event=event).began == "started"
        return
    with pytest.raises(InvalidInput) as error:
        talk.ask("one", event=event)
    assert error.value.argument == "event"


@pytest.mark.parametrize("settings", [
    {"lease": 0.5}, {"lease": 0}, {"lease": "30"}, {"lease": None}, {"lease": True}, {"lease": float("nan")},
    {"event_ttl": -1}, {"event_ttl": "day"}, {"overlap": "queue"}, {"overlap": None}, {"reactions": {"x": "y"}},
])  # fmt: skip
def test_bad_settings_are_a_config_error(bots, settings):
    with pytest.raises(ConfigError) as error:
        bots.worker(**settings)
    assert error.value.key in settings


@pytest.mark.parametrize("client", [None, "kapa", Conversations])
@pytest.mark.parametrize("kind", [Conversations, AsyncConversations])
def test_something_else_than_a_client_is_a_config_error(kind, client):
    with pytest.raises(ConfigError):
        kind(client)


def test_a_client_of_the_other_kind_is_a_config_error(bots):
    bots.worker()
    with pytest.raises(ConfigError, match="not a AsyncClient"):
        AsyncConversations(bots.clients[0])


def test_any_call_after_close_is_refused(bots):
    worker = bots.worker(keep_texts=True)
    talk = worker.get("c")
    answer = talk.ask("one", user="ada")
    stream, questions, history = talk.stream("two"), worker.questions(), talk.history()
    worker.close()
    worker.close()
    for call in (
        lambda: worker.get("c"),
        lambda: worker.posted(answer, "m1"),
        lambda: worker.rate("m1", "up"),
        lambda: talk.ask("two"),
        lambda: talk.stream("two"),
        lambda: talk.rate("up"),
        lambda: talk.reset(),
        lambda: talk.load(),
        lambda: talk.history(),
        lambda: worker.export(user="ada"),
        lambda: worker.erase(user="ada"),
        lambda: worker.expire(older_than=timedelta(days=1)),
        lambda: worker.questions(),
        # What was made before, and is used only now.
        lambda: stream.__enter__(),
        lambda: next(questions),
        lambda: next(history),
    ):
        with pytest.raises(InvalidInput, match="closed"):
            call()
    # The client is the caller's.
    assert bots.clients[0].chat("three", user="ada").text == "echo: three"


def test_a_store_that_cannot_be_written_before_the_question_is_an_error_and_nothing_is_sent(bots):
    worker = bots.worker()

    def fail(function, *, writes=True):
        raise StoreError("the disk is full")

    worker._store.run, run = fail, worker._store.run
    with pytest.raises(StoreError):
        worker.get("c").ask("one")
    worker._store.run = run
    assert bots.vendor.questions == []


def test_a_store_that_cannot_be_written_any_more_during_a_call_costs_no_answer_and_is_logged(bots, caplog):
    worker = bots.worker()
    message = bots.ask(worker, "one", event="e1")

    def fail(function, *, writes=True):
        raise StoreError("the disk is full")

    worker._store.run, run = fail, worker._store.run
    assert message.finish().answer.text == "echo: one"
    assert "the disk is full" in caplog.text
    worker._store.run = run


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default, each.annotation) for each in found]


PAIRS = [(Conversations, AsyncConversations), (Conversation, AsyncConversation)]


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_both_faces_have_the_same_methods(sync, asynchronous):
    names = [{name for name in vars(each) if not name.startswith("_")} for each in (sync, asynchronous)]
    assert names[0] == names[1]
    for name in names[0]:
        assert parameters(getattr(sync, name)) == parameters(getattr(asynchronous, name))
        assert inspect.getdoc(getattr(sync, name)) == inspect.getdoc(getattr(asynchronous, name))


def test_the_signatures_that_others_rely_on():
    def defaults(function):
        return {
            name: each.default
            for name, each in inspect.signature(function).parameters.items()
            if each.kind is inspect.Parameter.KEYWORD_ONLY
        }

    assert defaults(Conversations.__init__) == {
        "store": "memory:", "keep_texts": False, "carry_over": False, "lease": 30.0, "event_ttl": 86400.0,
        "reactions": None, "overlap": "wait",
    }  # fmt: skip
    asking = {"user": None, "event": None, "metadata": None, "deadline": None}
    assert defaults(Conversation.ask) == defaults(Conversation.stream) == asking
    assert defaults(Conversation.rate) == defaults(Conversations.rate) == {"user": None, "comment": None}


@pytest.fixture(params=["kapa", "kadal"])
def settings(request, box):
    return {"target": request.param, **box.settings(request.param)}


def connect(settings):
    return settings["target"], {name: value for name, value in settings.items() if name != "target"}


def test_a_bot_runs_over_http(settings, address):
    backend, given = connect(settings)
    key = f"slack:{uuid.uuid4()}"
    with unichat.connect(backend, **given) as client, Conversations(client, store=address) as conversations:
        talk = conversations.get(key)
        first = talk.ask(QUESTION, user="ada", event="e1")
        assert "attempts" in first.text
        conversations.posted(first, "m1")
        assert conversations.rate("m1", "👍🏿").answer_id == first.id
        with talk.stream("And descaling?", user="ben") as stream:
            assert "vinegar" in unichat.join_text(stream)
        assert len(list(talk.history())) == 2
        if address != "memory:":
            with Conversations(client, store=address) as again:
                assert again.get(key).ask(QUESTION, event="e1") == first


@asynccontextmanager
async def asyncio_bot(backend, given, address):
    async with (
        unichat.connect_async(backend, **given) as client,
        AsyncConversations(client, store=address) as conversations,
    ):
        yield conversations


def test_a_bot_runs_over_http_on_asyncio(settings, address):
    backend, given = connect(settings)

    async def bot():
        async with asyncio_bot(backend, given, address) as conversations:
            talk = conversations.get(f"slack:{uuid.uuid4()}")
            first, again, second = await asyncio.gather(
                talk.ask(QUESTION, user="ada", event="e1"),
                talk.ask(QUESTION, user="ada", event="e1"),
                talk.ask("And descaling?", user="ben"),
            )
            assert first == again
            assert second.began == "continued"
            await conversations.posted(first, "m1")
            assert (await conversations.rate("m1", "👍🏿")).answer_id == first.id
            async with talk.stream("And the warranty?", user="ada") as stream:
                assert "two years" in "".join([event.text async for event in stream])
            assert (await stream.answer()).began == "continued"
            async with talk.stream("And the warranty?", user="ada") as stream:
                await anext(stream)
            assert len([exchange async for exchange in talk.history()]) >= 3
            assert await talk.load() == talk.thread
            await talk.reset()
            assert talk.thread is None
            assert (await talk.ask(QUESTION)).began == "started"
            assert (await talk.rate("up", user="zoe")) is not None

    asyncio.run(bot())


def test_a_question_that_is_cancelled_ends_its_turn(settings, address):
    backend, given = connect(settings)

    async def bot():
        async with asyncio_bot(backend, given, address) as conversations:
            talk = conversations.get(f"slack:{uuid.uuid4()}")
            asking = asyncio.ensure_future(talk.ask(QUESTION))
            for _ in range(5):
                await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            # Well within the lease.
            assert (await talk.ask(QUESTION, deadline=20)).text

    asyncio.run(bot())


def test_a_write_elsewhere_does_not_hold_the_event_loop(box, tmp_path):
    async def bot():
        async with asyncio_bot("kapa", box.settings("kapa"), f"sqlite:///{tmp_path / 'bot.db'}") as conversations:
            other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            asking = asyncio.ensure_future(conversations.get("c").ask(QUESTION))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not asking.done()
            other.execute("COMMIT")
            other.close()
            assert (await asking).began == "started"

    asyncio.run(bot())


def test_postgresql_runs_in_threads_on_asyncio(box):
    with new_schema() as address:

        async def bot():
            async with asyncio_bot("kapa", box.settings("kapa"), address) as conversations:
                answers = await asyncio.gather(*(conversations.get(f"c{number}").ask(QUESTION) for number in range(20)))
                assert {answer.began for answer in answers} == {"started"}

        asyncio.run(bot())


def test_conversations_show_their_store_and_not_its_password(bots):
    assert repr(bots.worker()).startswith("<unichat conversations in ")
    assert repr(bots.worker().get("c")) == "<unichat conversation 'c'>"


def test_workers_that_share_a_client_and_a_vendor_are_independent_of_each_other(bots):
    vendor = Kapa(bots.clock)
    bots.worker(vendor).get("c").ask("one")
    assert bots.vendor.questions == []
