"""What routes are made of: what is refused, and what the error says."""

from __future__ import annotations

from typing import Any

import pytest

from unichat import AsyncClient, Client, routing
from unichat.errors import ConfigError
from unichat.routing.checks import check_members, check_sides, check_weights
from unichat.routing.members import Member
from unichat.routing.rules import Split
from unichat.testing import FakeBackend


def client() -> Client:
    return FakeBackend().client()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "at least one member"),
        (None, "not a dict"),
        ([client], "not a dict"),
        ({"": client()}, "name is ''"),
        ({7: client()}, "name is 7"),
        ({"kapa": "kapa"}, "kapa is 'kapa', not a client"),
        ({"kapa": client(), "kadal": FakeBackend().async_client()}, "kapa is a synchronous client, and kadal"),
    ],
)
def test_members_that_make_no_route_are_refused(members: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        routing.fallback(members)
    with pytest.raises(ConfigError, match=message):
        routing.split(members, {})


def test_members_of_two_kinds_are_named_by_the_first_of_each() -> None:
    a, b, c, d = (FakeBackend() for _ in range(4))
    members = {"a": a.client(), "b": b.client(), "c": c.async_client(), "d": d.async_client()}
    with pytest.raises(ConfigError) as caught:
        check_members(members)
    assert caught.value.message == "a is a synchronous client, and c is one on asyncio"


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_shadow_has_a_primary_and_one_other(count: int) -> None:
    members: dict[str, Any] = dict.fromkeys("abc"[:count])
    if count == 2:
        assert check_sides(members) is members
    else:
        with pytest.raises(ConfigError, match=f"a shadow has two members, a primary and another, not {count}"):
            check_sides(members)


def test_a_client_named_twice_is_refused() -> None:
    twice = client()
    with pytest.raises(ConfigError, match="a and b are the same client"):
        routing.fallback({"a": twice, "b": twice})


def test_a_client_that_a_fallback_could_ask_twice_is_refused() -> None:
    a, b = client(), client()
    with pytest.raises(ConfigError, match="safe and b have a client in common"):
        routing.fallback({"safe": routing.fallback({"a": a, "b": b}), "b": b})
    orders = {"a-first": routing.fallback({"a": a, "b": b}), "b-first": routing.fallback({"b": b, "a": a})}
    assert list(routing.split(orders, {"a-first": 70, "b-first": 30}).members) == ["a-first", "b-first"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": 1}, "b has no weight"),
        ({"a": 1, "b": 2, "c": 3}, "'c' has a weight, and is not a member"),
        ({"a": 1, "b": 0}, "is 0, but should be a positive number"),
        ({"a": 1, "b": -1}, "is -1"),
        ({"a": 1, "b": float("nan")}, "is nan"),
        ({"a": 1, "b": True}, "is True"),
        ({"a": 1, "b": "2"}, "is '2'"),
        (None, "not a dict"),
        ([1, 2], "not a dict"),
    ],
)
def test_weights_that_are_not_positive_numbers_for_each_member_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        routing.split({"a": client(), "b": client()}, weights)


@pytest.mark.parametrize("weight", [1e308, 5e-324, 1, 10**300])
def test_weights_of_any_size_are_relative(weight: float) -> None:
    clients = {"a": client(), "b": client()}
    assert check_weights(clients, {"a": weight, "b": weight}) == {"a": 1, "b": 1}
    drawn = Split(check_weights(clients, {"a": weight, "b": weight})).order(
        [Member.from_client(*each) for each in clients.items()], None
    )
    assert len(drawn) == 1


@pytest.mark.parametrize(
    "settings",
    [{"patience": 0}, {"patience": "2"}, {"patience": 9, "deadline": 5}, {"deadline": -1}, {"fall_back_on": ["refusd"]},
     {"fall_back_on": "refused"}, {"fall_back_on": []}],
)  # fmt: skip
def test_settings_that_are_not_acceptable_are_refused(settings: Any) -> None:
    with pytest.raises(ConfigError):
        routing.fallback({"a": client()}, **settings)


def test_a_route_is_a_client_of_its_members_kind() -> None:
    a, b = FakeBackend(), FakeBackend()
    members = {"a": a.client(), "b": b.client()}
    route = routing.fallback(members)
    assert isinstance(route, Client)
    assert dict(route.members) == members
    assert list(route.members) == ["a", "b"]
    assert repr(route) == "<unichat fallback of a, b>"
    assert isinstance(routing.split({"a": a.async_client()}, {"a": 1}), AsyncClient)
    assert dict(members["a"].members) == {}
    assert members["a"].member_for(user="ada") is None
