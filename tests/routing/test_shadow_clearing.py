"""Clearing at a shadow's other side while it has a question yet to answer, over both kinds of client."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field

from tests.routing.conftest import Vendors
from unichat import Conversations, routing
from unichat.errors import DeadlineExceeded, ServerError, Unsupported
from unichat.models import ClearOutcome, ClearResult
from unichat.testing import FakeBackend


@define
class Background:
    """What a shadow has started in the background: it runs when something sleeps for the `wakes_at`-th time.

    Attributes:
        wakes_at: None for never.
        slept: seconds of each sleep.
    """

    vendors: Vendors
    client: Any
    wakes_at: int | None = 3
    programs: list[Any] = field(factory=list)
    slept: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        performer = self.performer
        performer.start = self.programs.append
        performer._sleep = self._sleep if self.vendors.loop is None else self._sleep_on_asyncio

    @property
    def performer(self) -> Any:
        return (self.client if self.vendors.loop is None else self.client.asynchronous)._performer

    def run(self) -> None:
        """Run what was started."""
        while self.programs:
            program = self.performer.perform(self.programs.pop(0))
            if self.vendors.loop is not None:
                self.vendors.loop.run(program)

    def _is_due(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.vendors.kapa.clock.advance(seconds)
        return len(self.slept) == self.wakes_at

    def _sleep(self, seconds: float) -> None:
        if self._is_due(seconds):
            self.run()

    async def _sleep_on_asyncio(self, seconds: float) -> None:
        if self._is_due(seconds):
            while self.programs:
                await self.performer.perform(self.programs.pop(0))


def build(vendors: Vendors, wakes_at: int | None = 3, **settings: Any) -> tuple[Any, Background]:
    client = vendors.block(routing.shadow(vendors.clients(), **settings))
    return client, Background(vendors, client, wakes_at)


def call_names(vendor: Any) -> list[str]:
    return [call.name for call in vendor.calls]


@pytest.mark.parametrize("by", ["thread", "user"])
def test_clearing_waits_for_a_question_that_is_out(vendors: Vendors, by: str) -> None:
    client, background = build(vendors)
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    answer = client.chat("1?", user="ada")
    result = client.clear_history(answer.thread if by == "thread" else None, user="ada")
    assert len(background.slept) == 3
    assert call_names(vendors.kadal) == ["chat", "clear_history"]
    assert {name: part.outcome for name, part in result.parts.items()} == {
        "kapa": ClearOutcome.CLEARED, "kadal": ClearOutcome.CLEARED,
    }  # fmt: skip


@pytest.mark.parametrize("by", ["thread", "user"])
@pytest.mark.parametrize("knows_thread", [True, False])
def test_a_question_that_is_out_for_longer_than_the_grace_is_an_error(
    vendors: Vendors, by: str, knows_thread: bool
) -> None:
    client, background = build(vendors, wakes_at=None, shadow_grace=2)
    thread = None
    if knows_thread:
        vendors.kapa.answers("one")
        vendors.kadal.answers("eins")
        thread = client.chat("1?", user="ada").thread
        background.run()
    vendors.kapa.answers("two")
    vendors.kadal.answers("zwei")
    answer = client.chat("2?", user="ada") if thread is None else client.continue_thread(thread, "2?", user="ada")
    before = len(background.slept)
    result = client.clear_history(answer.thread if by == "thread" else None, user="ada")
    assert sum(background.slept[before:]) == pytest.approx(2)
    assert result.outcome is ClearOutcome.CLEARED
    part = result.parts["kadal"]
    assert isinstance(part, DeadlineExceeded)
    assert "was still out after 2 seconds" in str(part)
    # What can be cleared is, all the same.
    assert ("clear_history" in call_names(vendors.kadal)) is (knows_thread or by == "user")
    background.run()


def test_what_only_waits_is_not_asked_once_the_grace_is_over(vendors: Vendors) -> None:
    client, background = build(vendors, wakes_at=None, shadow_grace=1)
    vendors.kapa.answers("one").answers("two")
    vendors.kadal.answers("eins")
    answer = client.chat("1?", user="ada")
    client.continue_thread(answer, "2?", user="ada")
    assert isinstance(client.clear_history(answer, user="ada").parts["kadal"], DeadlineExceeded)
    assert client.shadow_left_out == 1
    background.run()
    assert call_names(vendors.kadal) == ["chat"]


def test_clearing_does_not_wait_for_the_questions_of_others(vendors: Vendors) -> None:
    client, background = build(vendors, wakes_at=None)
    vendors.kapa.answers("one").answers("two").answers("three")
    mine = client.chat("1?", user="ada")
    client.chat("2?", user="ben")
    vendors.kadal.answers("eins").answers("zwei").answers("drei")
    background.run()
    client.chat("3?", user="ben")
    assert isinstance(client.clear_history(mine, user="ada").parts["kadal"], ClearResult)
    assert isinstance(client.clear_history(user="ada").parts["kadal"], ClearResult)
    assert background.slept == []
    background.run()


def test_a_question_that_fails_while_clearing_waits_leaves_the_thread_unknown(vendors: Vendors) -> None:
    client, _ = build(vendors)
    vendors.kapa.answers("one")
    vendors.kadal.fails("503")
    answer = client.chat("1?", user="ada")
    part = client.clear_history(answer, user="ada").parts["kadal"]
    assert isinstance(part, Unsupported)
    assert str(answer.thread) in str(part)


@pytest.mark.parametrize("fault", [None, "503"])
def test_clearing_clears_each_thread_that_the_other_side_has_been_in(vendors: Vendors, fault: str | None) -> None:
    third = FakeBackend(scope="third")
    third.clock = vendors.kapa.clock
    other = routing.fallback({"kadal": vendors.client(vendors.kadal), "third": vendors.client(third)}, carry_over=True)
    client = vendors.block(routing.shadow({"kapa": vendors.client(vendors.kapa), "other": other}))
    background = Background(vendors, client, None)
    vendors.kapa.answers("one").answers("two")
    vendors.kadal.answers("eins").fails("503")
    third.answers("zwei")
    answer = client.chat("1?", user="ada")
    background.run()
    client.continue_thread(answer, "2?", user="ada")
    background.run()
    if fault is not None:
        vendors.kadal.fails(fault)
    part = client.clear_history(answer, user="ada").parts["other"]
    for vendor in (vendors.kadal, third):
        assert [call.name for call in vendor.calls].count("clear_history") == 1
    if fault is None:
        assert part.outcome is ClearOutcome.CLEARED
    else:
        assert isinstance(part, ServerError)
        assert "scope=bot" in str(part)


@pytest.mark.parametrize("wakes_at", [1, None])
def test_erasing_while_the_other_side_is_asked_clears_there_or_says_so(wakes_at: int | None) -> None:
    vendors = Vendors(FakeBackend(scope="project"), FakeBackend(scope="bot"), None)
    client, background = build(vendors, wakes_at)
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    with Conversations(client) as conversations:
        conversations.get("c").ask("1?", user="ada")
        report = conversations.erase(user="ada")
    assert report.cleared == (("c",) if wakes_at else ())
    assert list(report.not_cleared) == ([] if wakes_at else ["c"])
    assert all("was still out after 5 seconds" in reason for reason in report.not_cleared.values())
    background.run()
    client.close()
