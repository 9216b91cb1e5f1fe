"""`FakeBackend`, as somebody's tests of a bot use it, over both clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.blocking import BlockingClient
from unichat import Rating, Source, User
from unichat.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    ServerError,
    StaleThread,
    StreamInterrupted,
    UnichatError,
    Unsupported,
)
from unichat.testing import FAULTS, FakeBackend

Connect = Callable[..., Any]


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend()


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest, fake: FakeBackend) -> Iterator[Connect]:
    """Make a client of `fake`; an asyncio one is shown as a sync one."""
    if request.param == "sync":
        yield fake.client
        return
    with asyncio.Runner() as runner:

        def connect_async(**policy: Any) -> BlockingClient:
            async def make() -> Any:
                return fake.async_client(**policy)

            return BlockingClient(runner, runner.run(make()))

        yield connect_async


def test_answers_are_given_in_turn(fake: FakeBackend, connect: Connect) -> None:
    fake.answers("One", sources=["https://a.example", Source("https://b.example", "B")], uncertain=True).answers("Two")
    bot = connect()
    first = bot.chat("First?", user="ada", metadata={"page": "/start"})
    second = bot.continue_thread(first, "Second?")
    assert (first.text, first.uncertain, second.text, second.uncertain) == ("One", True, "Two", None)
    assert [source.url for source in first.sources] == ["https://a.example", "https://b.example"]
    assert second.thread == first.thread
    assert [(call.name, call.question, call.user, call.thread) for call in fake.calls] == [
        ("chat", "First?", "ada", None),
        ("continue_thread", "Second?", None, first.thread),
    ]
    assert fake.calls[0].metadata == {"page": "/start"}


def test_a_stream_comes_in_its_pieces(fake: FakeBackend, connect: Connect) -> None:
    fake.streams("Hel", "lo", sources=["https://a.example"]).answers("whole")
    bot = connect()
    with bot.stream("?") as pieces:
        assert [event.text for event in pieces if event.type == "text"] == ["Hel", "lo"]
    assert pieces.answer.text == "Hello"
    assert pieces.answer.sources[0].url == "https://a.example"
    with bot.stream("?") as pieces:
        assert [event.text for event in pieces] == ["whole"]


def test_a_cut_stream_breaks_after_its_pieces(fake: FakeBackend, connect: Connect) -> None:
    fake.streams("Hel", "lo", cut=True)
    bot = connect()
    with bot.stream("?") as pieces, pytest.raises(StreamInterrupted) as caught:
        list(pieces)
    assert caught.value.text == "Hello"
    assert list(bot.history()) == []


def test_chat_of_a_scripted_stream_gives_it_as_one(fake: FakeBackend, connect: Connect) -> None:
    fake.streams("Hel", "lo").streams("Hel", cut=True)
    bot = connect()
    assert bot.chat("?").text == "Hello"
    with pytest.raises(UnichatError) as caught:
        bot.chat("?")
    assert caught.value.maybe_delivered


def test_failures_are_retried_by_the_policy_without_waiting(fake: FakeBackend, connect: Connect) -> None:
    fake.fails("503", times=2).answers("Here.")
    answer = connect(backoff=30.0).chat("?")
    assert answer.text == "Here."
    assert [attempt.outcome for attempt in answer.call.attempts] == ["HTTP 503", "HTTP 503", "ok"]
    assert len(fake.clock.slept) == 2
    assert len(fake.calls) == 1


def test_a_failure_with_nothing_after_it_fails_the_call(fake: FakeBackend, connect: Connect) -> None:
    bot = connect()
    fake.fails("503")
    with pytest.raises(ServerError) as caught:
        bot.chat("?")
    assert len(caught.value.attempts) == 3
    fake.answers("Better.")
    assert bot.chat("?").text == "Better."
    fake.verify()


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("call", ["feedback", "history", "clear_history"])
def test_a_failure_without_times_happens_once_to_the_next_call_of_any_kind(
    fake: FakeBackend, connect: Connect, call: str, attempts: int
) -> None:
    fake.answers("One")
    bot = connect(attempts=attempts)
    answer = bot.chat("?")
    arguments = {"feedback": (answer, "up"), "history": (), "clear_history": ()}[call]

    def ask() -> object:
        result = getattr(bot, call)(*arguments)
        return list(result) if call == "history" else result

    # A question that is still to come does not stand in its way.
    fake.answers("Two").fails("503")
    with pytest.raises(ServerError):
        ask()
    ask()
    assert bot.chat("?").text == "Two"


def test_a_failure_with_something_after_it_is_retried_by_any_call(fake: FakeBackend, connect: Connect) -> None:
    fake.fails("503").answers("One").fails("503_once")
    bot = connect()
    assert list(bot.history()) == []
    assert bot.chat("?").text == "One"
    assert [row.answer for row in bot.history()] == ["One"]
    assert len(fake.clock.slept) == 2


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"good", "interim"}))
def test_every_fault_fails_a_question(fake: FakeBackend, connect: Connect, name: str) -> None:
    fake.fails(name, times=9)
    bot = connect()
    with pytest.raises(UnichatError):
        bot.chat("?")
    with pytest.raises(UnichatError), bot.stream("?") as pieces:
        list(pieces)


def test_faults_keep_their_meaning(fake: FakeBackend, connect: Connect) -> None:
    bot = connect(deadline=40.0)
    fake.fails("reset_after_send")
    with pytest.raises(ConnectionFailed) as caught:
        bot.chat("?")
    assert caught.value.maybe_delivered
    began = fake.clock.now
    fake.fails("silence")
    with pytest.raises(DeadlineExceeded):
        bot.chat("?")
    assert fake.clock.now - began == 40.0


def test_feedback_and_history_work_unscripted(fake: FakeBackend, connect: Connect) -> None:
    fake.answers("One").answers("Two")
    bot = connect()
    first, second = bot.chat("First?", user="ada"), bot.chat("Second?", user="ben")
    receipt = bot.feedback(first, "down", user="cy", comment="Wrong")
    assert (receipt.answer_id, receipt.rating) == (first.id, Rating.DOWN)
    rows = list(bot.history())
    assert [(row.question, row.answer, row.id) for row in rows] == [
        ("First?", "One", first.id),
        ("Second?", "Two", second.id),
    ]
    assert rows[0].feedback[0].rating is Rating.DOWN
    assert rows[0].feedback[0].comment.text == "Wrong"
    assert [row.id for row in bot.history(second.thread)] == [second.id]
    assert [row.id for row in bot.history(user="ada")] == [first.id]
    assert [row.id for row in bot.history(newest_first=True)] == [second.id, first.id]
    bot.clear_history(user="ada")
    assert [row.id for row in bot.history()] == [second.id]
    rated = fake.calls[2]
    assert (rated.name, rated.answer, rated.rating, rated.user) == ("feedback", first.id, Rating.DOWN, "cy")
    assert rated.comment is not None
    assert rated.comment.text == "Wrong"


def test_a_question_without_an_answer_is_no_error_of_a_vendor(fake: FakeBackend, connect: Connect) -> None:
    fake.answers("One")
    bot = connect()
    bot.chat("First?")
    with pytest.raises(AssertionError, match=r"asked 'Second\?', and no answer is left.*script was: answers\('One'\)"):
        bot.chat("Second?")
    with pytest.raises(AssertionError, match=r"no answer scripted for: chat of 'Second\?'"):
        fake.verify()
    with pytest.raises(AssertionError), bot.stream("Third?"):
        pass


def test_capabilities_hold_as_a_vendors_do(fake: FakeBackend, connect: Connect) -> None:
    fake.capabilities(
        streaming=False, metadata=False, user_details=False, history_by_user=False, history=True, sources=False,
        feedback_comment_on_up=False, timestamps=False, uncertainty=False,
    ).answers("One", sources=["https://a.example"], uncertain=True).answers("Two")  # fmt: skip
    bot = connect()
    with bot.stream("?") as pieces:
        assert [event.text for event in pieces] == ["One"]
    assert pieces.answer.sources == ()
    assert pieces.answer.uncertain is None
    with pytest.raises(Unsupported, match="metadata"):
        bot.chat("?", metadata={"page": "/"})
    with pytest.raises(Unsupported, match=r"user\.email"):
        bot.chat("?", user=User("ada", email="ada@example.com"))
    with pytest.raises(Unsupported, match="user"):
        list(bot.history(user="ada"))
    assert list(bot.history(user="ada", on_unsupported="drop")) == []
    with pytest.raises(Unsupported, match="comment"):
        bot.feedback(pieces.answer, "up", comment="Good")
    assert [row.created_at for row in bot.history()] == [None]
    assert bot.chat("?", metadata={"page": "/"}, on_unsupported="drop").text == "Two"
    assert fake.calls[-1].metadata is None


def test_without_parallel_threads_a_newer_one_makes_the_older_stale(fake: FakeBackend, connect: Connect) -> None:
    fake.capabilities(parallel_threads=False).answers("One").answers("Two").answers("Three")
    bot = connect()
    first, second = bot.chat("?", user="ada"), bot.chat("?", user="ada")
    with pytest.raises(StaleThread) as caught:
        bot.continue_thread(first, "?", user="ada")
    assert caught.value.newer == second.thread
    assert bot.continue_thread(second, "?", user="ada").text == "Three"


def test_the_clock_can_be_moved(fake: FakeBackend, connect: Connect) -> None:
    fake.fails("503", times=2)
    bot = connect(attempts=1, breaker_failures=2, breaker_reset=60.0)
    for _ in range(2):
        with pytest.raises(ServerError):
            bot.chat("?")
    fake.answers("Back.")
    with pytest.raises(UnichatError, match="circuit"):
        bot.chat("?")
    fake.clock.advance(61)
    assert bot.chat("?").text == "Back."


def test_one_script_serves_both_clients(fake: FakeBackend) -> None:
    fake.answers("One").answers("Two")

    async def ask() -> str:
        async with fake.async_client() as bot:
            return (await bot.chat("?")).text

    with fake.client() as bot:
        assert (bot.chat("?").text, asyncio.run(ask())) == ("One", "Two")
    assert len(fake.calls) == 2


@pytest.mark.parametrize("fault", ["good", "interim"])
@pytest.mark.parametrize("times", [1, 5])
def test_a_fault_that_lets_the_answer_through_gives_the_one_that_is_scripted(
    fake: FakeBackend, connect: Connect, fault: str, times: int
) -> None:
    fake.fails(fault, times=times).answers("One.").streams("T", "wo.")
    bot = connect()
    assert bot.chat("First?", user="ada").text == "One."
    with bot.stream("Second?", user="ada") as pieces:
        assert [event.text for event in pieces] == ["T", "wo."]
    assert [row.answer for row in bot.history(user="ada")] == ["One.", "Two."]


def test_a_fault_that_lets_the_answer_through_needs_none(fake: FakeBackend, connect: Connect) -> None:
    fake.fails("interim")
    assert connect().chat("First?").text


def test_mistakes_in_a_script_are_reported_at_once(fake: FakeBackend) -> None:
    with pytest.raises(ValueError, match="no fault is called '5o3'"):
        fake.fails("5o3")
    for times in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="times is"):
            fake.fails("503", times=times)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not 503; give it as '503'"):
        fake.fails(503)  # type: ignore[arg-type]
    for script in (fake.answers, fake.streams):
        with pytest.raises(TypeError, match=r"give a list of addresses or sources: \['https://a.example'\]"):
            script("One", sources="https://a.example")
        for sources in (None, 5, [None], [{"url": "https://a.example"}]):
            with pytest.raises(TypeError, match="give"):
                script("One", sources=sources)
        with pytest.raises(TypeError, match="uncertain is 'yes'; give True, False, or None"):
            script("One", uncertain="yes")
    with pytest.raises(TypeError, match="streaming is 'no'; give True or False"):
        fake.capabilities(streaming="no")
    with pytest.raises(TypeError, match="not bytes"):
        fake.answers(b"One")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        fake.capabilities(telepathy=True)
    with fake.client() as bot:
        with pytest.raises(InvalidInput):
            bot.chat("")
        with pytest.raises(RuntimeError, match="has clients already"):
            fake.capabilities(streaming=False)
    assert fake.calls == []


def test_the_error_of_a_name_that_is_nearly_right_says_what_was_meant():
    fake = FakeBackend()
    with pytest.raises(ValueError, match=r"'reset_after_sent' \(did you mean reset_after_send\?\)"):
        fake.fails("reset_after_sent")
    with pytest.raises(TypeError, match=r"there is no capability 'streeming' \(did you mean streaming\?\)"):
        fake.capabilities(streeming=False)


def test_verify_says_what_was_scripted_as_well():
    fake = FakeBackend()
    fake.answers("First.").fails("503", times=2)
    with fake.client(attempts=1) as client:
        client.chat("One?")
        for _ in range(2):
            with pytest.raises(ServerError):
                client.chat("Two?")
        with pytest.raises(AssertionError):
            client.chat("Three?")
    with pytest.raises(AssertionError, match=r"the script was: .*First.*, fails\('503', times=2\)"):
        fake.verify()
