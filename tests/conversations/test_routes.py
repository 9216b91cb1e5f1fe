"""Conversations over routes: whom each vendor is told of, threads that move, and what belongs to which vendor."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from unichat import AsyncConversations, Conversations, join_text, routing
from unichat.conversations.messages import reference_for
from unichat.errors import ServerError, ThreadMismatch, UnichatError
from unichat.testing import CannedTransport, FakeBackend
from unichat.testing.answers import json_answer
from unichat.testing.clients import connect

from .stepping import Worker
from .vendors import Kadal, Kapa


@define
class Pair:
    """A bot whose vendors are Kapa and Kadal, behind any route; each can be down."""

    kapa: Kapa
    kadal: Kadal
    bots: Any
    down: tuple[str, ...] = ()

    def client(self, name: str) -> Any:
        vendor = getattr(self, name)

        def answer(request: Any) -> Any:
            return json_answer({"detail": "down"}, 503) if name in self.down else vendor(request)

        transport = CannedTransport(answer=answer, clock=self.bots.clock)
        settings = {**vendor.settings, "attempts": 1}
        return connect(name, transport, clock=self.bots.clock, **settings)

    def worker(self, kind: str = "fallback", names: Any = ("kapa", "kadal"), **settings: Any) -> Conversations:
        given = {name: settings.pop(name) for name in ("keep_texts", "overlap") if name in settings}
        given["carry_over"] = settings.pop("conversations_carry_over", False)
        members = {name: self.client(name) for name in names}
        if kind == "split":
            settings["weights"] = settings.get("weights", dict.fromkeys(names, 1))
        client = getattr(routing, kind)(members, **settings)
        self.bots.clients.append(client)
        self.bots.workers.append(Conversations(client, store=self.bots.address, **given))
        return self.bots.workers[-1]


@pytest.fixture
def pair(bots: Any) -> Pair:
    return Pair(bots.vendor, Kadal(bots.clock), bots)


def test_each_vendor_is_told_of_whom_it_can_take(pair: Pair) -> None:
    talk = pair.worker().get("c")
    talk.ask("one", user="ada")
    assert pair.kapa.rows[-1].user is not None
    pair.down = ("kapa",)
    other = pair.bots.workers[0].get("d")
    answer = other.ask("two", user="ada")
    assert (answer.profile, answer.began) == ("kadal", "started")
    assert pair.kadal.rows[-1].user == reference_for("d")
    assert other.ask("three", user="ben").began == "continued"
    assert pair.kadal.conversations() == {reference_for("d"): ["two", "three"]}


@pytest.mark.parametrize("keep_texts", [True, False])
@pytest.mark.parametrize("whose", ["route", "conversations"])
def test_a_conversation_survives_the_death_of_its_vendor(pair: Pair, keep_texts: bool, whose: str) -> None:
    carry = {"carry_over": True} if whose == "route" else {"conversations_carry_over": True}
    talk = pair.worker(keep_texts=keep_texts, **carry).get("c")
    assert talk.ask("one", user="ada").began == "started"
    pair.down = ("kapa",)
    answer = talk.ask("two", user="ben")
    assert (answer.began, answer.profile) == ("restarted", "kadal")
    # What the store has no texts of, only the vendor knew.
    assert answer.carried_over == int(keep_texts)
    assert ("Q: one" in pair.kadal.questions[0]) is keep_texts
    assert talk.thread == answer.thread
    assert talk.ask("three", user="ada").began == "continued"
    # It stays where it went, when the other is back.
    pair.down = ()
    assert talk.ask("four", user="ada").profile == "kadal"
    assert len(pair.kadal.conversations()) == 1


def test_a_stream_of_a_conversation_moves_too(pair: Pair) -> None:
    talk = pair.worker(keep_texts=True, carry_over=True).get("c")
    talk.ask("one", user="ada")
    pair.down = ("kapa",)
    with talk.stream("two", user="ada") as stream:
        assert join_text(stream).endswith("two")
    assert (stream.answer.began, stream.answer.carried_over) == ("restarted", 1)
    assert talk.ask("three").began == "continued"


def test_without_carry_over_the_conversation_waits_for_its_vendor(pair: Pair) -> None:
    talk = pair.worker(keep_texts=True).get("c")
    talk.ask("one", user="ada", event="e1")
    pair.down = ("kapa",)
    with pytest.raises(ServerError):
        talk.ask("two", user="ada", event="e2")
    pair.down = ()
    assert talk.ask("two", user="ada", event="e2").began == "continued"
    assert pair.kapa.questions == ["one", "two"]
    assert pair.kadal.questions == []


def test_a_thread_that_was_deleted_at_its_vendor_is_started_anew_on_a_route(pair: Pair) -> None:
    talk = pair.worker().get("c")
    talk.ask("one", user="ada")
    pair.kapa.delete_threads()
    answer = talk.ask("two", user="ada")
    assert (answer.began, answer.profile, answer.carried_over) == ("restarted", "kapa", 0)


def test_a_conversation_goes_on_when_its_vendor_leaves_the_route_and_comes_back(pair: Pair) -> None:
    pair.worker(keep_texts=True).get("c").ask("one", user="ada")
    moved = pair.worker(names=("kadal",), keep_texts=True, conversations_carry_over=True).get("c").ask("two")
    assert (moved.began, moved.carried_over) == ("restarted", 1)
    assert pair.worker(keep_texts=True).get("c").ask("three").profile == "kadal"


def test_a_plain_bot_goes_on_behind_a_route_and_back(pair: Pair) -> None:
    pair.bots.worker().get("c").ask("one", user="ada")
    assert pair.worker().get("c").ask("two", user="ada").began == "continued"
    assert pair.bots.worker().get("c").ask("three", user="ada").began == "continued"
    assert list(pair.kapa.conversations().values()) == [["one", "two", "three"]]


def test_a_split_decides_by_the_speaker_and_threads_stay(pair: Pair) -> None:
    worker = pair.worker("split", weights={"kapa": 1, "kadal": 1})
    profiles = {user: worker.get(f"c-{user}").ask("one", user=user).profile for user in map(str, range(20))}
    assert set(profiles.values()) == {"kapa", "kadal"}
    for user, profile in profiles.items():
        assert worker.get(f"d-{user}").ask("one", user=user).profile == profile
        # Another speaker does not move it.
        assert worker.get(f"c-{user}").ask("two", user="somebody").profile == profile


@pytest.mark.parametrize("at", ["kapa", "kadal"])
def test_ratings_go_to_the_member_that_answered(pair: Pair, at: str) -> None:
    worker = pair.worker()
    pair.down = () if at == "kapa" else ("kapa",)
    answer = worker.get("c").ask("one", user="ada")
    worker.posted(answer, "m1")
    pair.down = ()
    receipt = pair.worker().rate("m1", "👍")
    assert receipt is not None
    assert receipt.sent
    assert (len(pair.kapa.ratings), len(pair.kadal.ratings)) == ((1, 0) if at == "kapa" else (0, 1))


def test_an_answer_of_a_vendor_that_left_the_route_is_a_mismatch(pair: Pair) -> None:
    worker = pair.worker()
    worker.posted(worker.get("c").ask("one", user="ada"), "m1")
    with pytest.raises(ThreadMismatch):
        pair.worker(names=("kadal",)).rate("m1", "👍", user="ben")
    assert pair.kapa.ratings == []


def test_erasing_clears_wherever_that_can_be_done(pair: Pair) -> None:
    worker = pair.worker(keep_texts=True, carry_over=True)
    worker.get("stays").ask("one", user="ada")
    pair.down = ("kapa",)
    worker.get("elsewhere").ask("one", user="ada")
    pair.down = ()
    report = worker.erase(user="ada")
    assert report.cleared == ("elsewhere",)
    assert "no call that clears" in report.not_cleared["stays"]
    assert pair.kadal.rows == []
    assert worker.export(user="ada")["conversations"] == []


@pytest.mark.parametrize("first", ["kapa", "kadal"])
def test_erasing_clears_each_vendor_that_a_conversation_has_been_at(pair: Pair, first: str) -> None:
    second = "kadal" if first == "kapa" else "kapa"
    worker = pair.worker(names=(first, second), carry_over=True)
    talk = worker.get("c")
    talk.ask("one", user="ada")
    pair.down = (first,)
    assert talk.ask("two", user="ada").profile == second
    pair.down = ()
    report = worker.erase(user="ada")
    assert pair.kadal.rows == []
    assert report.cleared == ()
    assert "no call that clears" in report.not_cleared["c"]
    assert "kadal" not in report.not_cleared["c"]


def test_erasing_knows_a_thread_whose_only_answer_broke_off_before_the_conversation_moved(pair: Pair) -> None:
    worker = pair.worker(carry_over=True)
    talk = worker.get("c")
    with talk.stream("one", user="ada") as stream:
        next(stream)
        next(stream)
    assert stream.partial is not None
    pair.down = ("kapa",)
    assert talk.ask("two", user="ada").profile == "kadal"
    report = worker.erase(user="ada")
    assert str(stream.partial.thread) in report.not_cleared["c"]
    assert "kadal" not in report.not_cleared["c"]
    assert pair.kadal.rows == []


@define
class Fakes:
    """Two vendors with scripts, and a worker over a route of theirs that blocks: of either kind of client."""

    is_async: bool
    first: FakeBackend = field(factory=lambda: FakeBackend(scope="first"))
    second: FakeBackend = field(factory=lambda: FakeBackend(scope="second"))

    def run(self, build: Any, script: Any, **settings: Any) -> Any:
        """Run a script, whose calls are awaited where need be, over the route that `build` makes."""
        vendors = {"first": self.first, "second": self.second}
        if self.is_async:
            return asyncio.run(self._run_on_asyncio(build, script, vendors, settings))
        with (
            build({name: vendor.client(attempts=1) for name, vendor in vendors.items()}) as client,
            Conversations(client, **settings) as worker,
        ):
            steps, result = script(client, worker), None
            with suppress(StopIteration):
                while True:
                    result = steps.send(result)
            return result

    def catch(self, ask: Any, caught: list[UnichatError]) -> Any:
        """Ask what fails, and keep why; to be awaited on asyncio."""
        if not self.is_async:
            with pytest.raises(UnichatError) as error:
                ask()
            return caught.append(error.value)

        async def catch_on_asyncio() -> None:
            with pytest.raises(UnichatError) as error:
                await ask()
            caught.append(error.value)

        return catch_on_asyncio()

    async def _run_on_asyncio(self, build: Any, script: Any, vendors: Any, settings: Any) -> Any:
        members = {name: vendor.async_client(attempts=1) for name, vendor in vendors.items()}
        async with build(members) as client, AsyncConversations(client, **settings) as worker:
            steps, result = script(client, worker), None
            with suppress(StopIteration):
                while True:
                    result = steps.send(result)
                    if isawaitable(result):
                        result = await result
            return result


@pytest.fixture(params=["sync", "async"])
def fakes(request: pytest.FixtureRequest) -> Fakes:
    return Fakes(request.param == "async")


@pytest.mark.parametrize("keep_texts", [True, False])
@pytest.mark.parametrize("before", [1, 2])
def test_a_conversation_that_moves_twice_has_everything_said_before(
    fakes: Fakes, keep_texts: bool, before: int
) -> None:
    # Of one answer each, both vendors have the same id.
    # Where the store has no texts, the vendor's history has them, with what was carried before the question.
    for _ in range(before):
        fakes.first.answers("A")
    fakes.first.fails("503").answers("A again")
    fakes.second.answers("B").fails("503")
    answers: list[Any] = []

    def script(client: Any, worker: Any) -> Any:
        for number in range(before + 2):
            answer = yield worker.get("c").ask(f"{number}?", user="ada")
            answers.append(answer)

    fakes.run(partial(routing.fallback, carry_over=True), script, keep_texts=keep_texts)
    assert [answer.profile for answer in answers] == ["first"] * before + ["second", "first"]
    assert [answer.carried_over for answer in answers] == [0] * before + [before, before + 1]
    last = fakes.first.calls[-1].question
    assert last.count("Earlier in this conversation:") == 1


@pytest.mark.parametrize("fault", ["404", "503", "refused"])
@pytest.mark.parametrize("earlier", [True, False])
def test_a_question_that_one_member_received_and_none_answered_is_asked_again_when_it_is_delivered_again(
    fakes: Fakes, fault: str, earlier: bool
) -> None:
    if earlier:
        fakes.first.answers("0")
    fakes.first.fails("reset_after_send").answers("at last")
    fakes.second.fails(fault)
    caught: list[UnichatError] = []
    asked: list[int] = []

    def script(client: Any, worker: Any) -> Any:
        talk = worker.get("c")
        if earlier:
            yield talk.ask("zero", event="e0")
        yield fakes.catch(partial(talk.ask, "one", event="e1"), caught)
        asked.append([call.question for call in fakes.first.calls].count("one"))
        yield talk.ask("one", event="e1")

    answer = fakes.run(partial(routing.fallback, carry_over=True), script)
    assert caught[0].maybe_delivered is True
    assert asked == [1]
    assert (answer.text, answer.maybe_duplicated) == ("at last", True)


def test_a_member_whose_history_hangs_leaves_time_to_ask_a_lost_question_again(fakes: Fakes) -> None:
    fakes.second.clock = fakes.first.clock
    fakes.first.fails("reset_after_send").answers("at last")
    fakes.second.fails("503").fails("silence")
    caught: list[UnichatError] = []

    def script(client: Any, worker: Any) -> Any:
        talk = worker.get("c")
        yield fakes.catch(partial(talk.ask, "one", event="e1"), caught)
        yield talk.ask("one", event="e1")

    assert fakes.run(routing.fallback, script).text == "at last"
    assert [call.name for call in fakes.second.calls] == ["chat", "history"]


def test_erasing_goes_on_with_the_next_thread_where_one_cannot_be_cleared(fakes: Fakes) -> None:
    fakes.first.answers("1").fails("503")
    fakes.second.answers("2").fails("503")

    def script(client: Any, worker: Any) -> Any:
        for text in ("one", "two"):
            yield worker.get("c").ask(text, user="ada")
        yield worker.erase(user="ada")

    report = fakes.run(partial(routing.fallback, carry_over=True), script)
    assert report.cleared == ()
    assert "503" in report.not_cleared["c"]
    for vendor in (fakes.first, fakes.second):
        assert [call.name for call in vendor.calls].count("clear_history") == 1


@pytest.mark.parametrize("is_down", [True, False])
def test_erasing_over_a_shadow_reports_what_its_other_side_did(fakes: Fakes, is_down: bool) -> None:
    fakes.first.answers("1")
    fakes.second.answers("2")

    def script(client: Any, worker: Any) -> Any:
        yield worker.get("c").ask("one", user="ada")
        yield asyncio.to_thread(client._shadowing.wait, 30) if fakes.is_async else client._shadowing.wait(30)
        if is_down:
            fakes.second.fails("503")
        yield worker.erase(user="ada")

    report = fakes.run(routing.shadow, script)
    assert report.cleared == (() if is_down else ("c",))
    assert [each.partition(": HTTP 503")[0] for each in report.not_cleared.values()] == ["second: fake clear"] * is_down
    assert "clear_history" in [call.name for call in fakes.second.calls]


def test_erasing_over_a_shadow_that_was_restarted_says_that_its_other_side_was_not_cleared(
    fakes: Fakes, tmp_path: Path
) -> None:
    fakes.first.answers("1")
    fakes.second.answers("2")
    store = f"sqlite:///{tmp_path / 'bot.db'}"

    def ask(client: Any, worker: Any) -> Any:
        yield worker.get("c").ask("one", user="ada")

    def erase(client: Any, worker: Any) -> Any:
        yield worker.erase(user="ada")

    fakes.run(routing.shadow, ask, store=store)
    report = fakes.run(routing.shadow, erase, store=store)
    assert report.cleared == ()
    assert "which thread of second follows" in report.not_cleared["c"]
    assert [call.name for call in fakes.first.calls][-1] == "clear_history"


@pytest.mark.parametrize("at", ["kapa", "kadal"])
@pytest.mark.parametrize("earlier", [True, False])
def test_an_event_whose_worker_was_killed_after_it_asked_is_found_at_the_member(
    pair: Pair, at: str, earlier: bool
) -> None:
    pair.down = () if at == "kapa" else ("kapa",)
    if earlier:
        pair.worker().get("c").ask("zero", user="ada")
    message = pair.bots.ask(pair.worker(), "one", user="ada", event="e1")
    while len(getattr(pair, at).questions) == int(earlier):
        message.go_on()
    message.kill()
    pair.down = ()
    pair.bots.clock.advance(31)
    again = pair.bots.ask(pair.worker(), "one", user="ada", event="e1").finish()
    assert again.error is None
    assert (again.answer.text, again.answer.maybe_duplicated) == ("echo: one", False)
    assert again.answer.profile == at
    assert [*pair.kapa.questions, *pair.kadal.questions].count("one") == 1


def test_an_answer_that_is_found_again_over_nested_routes_names_the_innermost_member(pair: Pair) -> None:
    def worker() -> Conversations:
        inner = routing.fallback({"a": pair.client("kapa"), "b": pair.client("kadal")})
        pair.bots.clients.append(routing.split({"inner": inner}, {"inner": 1}))
        pair.bots.workers.append(Conversations(pair.bots.clients[-1], store=pair.bots.address))
        return pair.bots.workers[-1]

    expected = worker().get("c").ask("zero", user="ada").profile
    message = pair.bots.ask(worker(), "one", user="ada", event="e1")
    while len(pair.kapa.questions) == 1:
        message.go_on()
    message.kill()
    pair.bots.clock.advance(31)
    again = worker().get("c").ask("one", user="ada", event="e1")
    assert (again.text, again.profile, expected) == ("echo: one", "a", "a")
    assert pair.kapa.questions == ["zero", "one"]


def test_a_dead_member_is_no_reason_not_to_ask_a_lost_question_again(pair: Pair) -> None:
    message: Worker = pair.bots.ask(pair.worker(), "one", user="ada", event="e1")
    assert message.asks
    message.kill()
    pair.down = ("kapa",)
    pair.bots.clock.advance(31)
    again = pair.bots.ask(pair.worker(), "one", user="ada", event="e1").finish()
    assert again.error is None
    assert (again.answer.profile, again.answer.maybe_duplicated) == ("kadal", True)


def test_the_history_of_a_conversation_is_that_of_its_member(pair: Pair) -> None:
    talk = pair.worker().get("c")
    talk.ask("one", user="ada")
    talk.ask("two", user="ada")
    assert sorted(exchange.question for exchange in talk.history()) == ["one", "two"]


def test_a_lost_answer_is_not_looked_for_at_the_other_side_of_a_shadow(pair: Pair) -> None:
    worker = pair.worker("shadow", shadow_grace=30.0)
    message = pair.bots.ask(worker, "one", user="ada", event="e1")
    assert message.asks
    message.kill()
    # As if only the other side had been asked.
    pair.client("kadal").chat("one", user=reference_for("c"))
    pair.bots.clock.advance(31)
    answer = worker.get("c").ask("one", user="ada", event="e1")
    assert (answer.profile, answer.maybe_duplicated) == ("kapa", True)
    assert pair.kapa.questions == ["one"]


def test_conversations_of_a_shadow_are_the_primarys(pair: Pair) -> None:
    worker = pair.worker("shadow", keep_texts=True, shadow_grace=30.0, conversations_carry_over=True)
    talk = worker.get("c")
    assert [talk.ask(text, user="ada").began for text in ("one", "two")] == ["started", "continued"]
    with talk.stream("three", user="ben") as stream:
        assert stream.answer.profile == "kapa"
    pair.bots.clients[-1]._shadowing.wait(30)
    assert list(pair.kapa.conversations().values()) == [["one", "two", "three"]]
    assert pair.kadal.conversations() == {reference_for("c"): ["one", "two", "three"]}
    receipt = talk.rate("up")
    assert receipt is not None
    assert (len(pair.kapa.ratings), len(pair.kadal.ratings)) == (1, 0)
