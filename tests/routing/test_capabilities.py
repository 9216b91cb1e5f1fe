"""What a route can do, from what its members can."""

from __future__ import annotations

import pytest
from attrs import fields

from tests.routing.conftest import Vendors
from unichat.adapter import Capabilities
from unichat.routing.capabilities import merge_capabilities

FLAGS = [item.name for item in fields(Capabilities) if item.name not in ("question_limit", "options")]


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_route_has_what_every_member_has_and_needs_what_any_needs(name: str, first: bool, second: bool) -> None:
    merged = merge_capabilities([Capabilities(**{name: first}), Capabilities(**{name: second})])
    needs = name in ("needs_user", "feedback_needs_user")
    assert getattr(merged, name) is ((first or second) if needs else (first and second))


@pytest.mark.parametrize(("limits", "expected"), [((None, None), None), ((None, 5), 5), ((7, 5), 5), ((5, None), 5)])
def test_the_question_limit_is_the_smallest(limits: tuple[int | None, int | None], expected: int | None) -> None:
    assert merge_capabilities([Capabilities(question_limit=limit) for limit in limits]).question_limit == expected


def test_options_are_those_that_every_member_takes_which_has_the_call() -> None:
    kapa = Capabilities(options={"chat": ("integration_id", "both")})
    kadal = Capabilities(
        clear_history=True, options={"chat": ("both",), "clear_history": ("missing_ok",), "feedback": ("rating_id",)}
    )
    assert merge_capabilities([kapa, kadal]).options == {
        "chat": ("both",), "clear_history": ("missing_ok",), "feedback": (),
    }  # fmt: skip


def test_options_are_in_the_order_of_the_first_member() -> None:
    members = [Capabilities(options={"chat": names}) for names in (("a", "b"), ("b", "c", "a"))]
    assert merge_capabilities(members).options == {"chat": ("a", "b")}


def test_a_stream_comes_in_pieces_where_the_member_that_answers_streams(vendors: Vendors) -> None:
    vendors.kadal.capabilities(streaming=False)
    client = vendors.fallback()
    assert client.capabilities.streaming is False
    assert client.members["kapa"].capabilities.streaming is True
    vendors.kapa.streams("from ", "Kapa").fails("503")
    vendors.kadal.answers("from Kadal")
    with client.stream("Hello?") as pieces:
        assert [event.text for event in pieces] == ["from ", "Kapa"]
    with client.stream("Hello?") as pieces:
        assert [event.text for event in pieces] == ["from Kadal"]
