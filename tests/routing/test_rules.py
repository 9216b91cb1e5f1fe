"""Which member a new question goes to: fallback in order, split by the user."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat.errors import ServerError
from unichat.models import User
from unichat.routing.members import Member
from unichat.routing.rendezvous import choose_member
from unichat.routing.rules import Fallback, Rule, Shadow, Split

WEIGHTS = {"kapa": 70, "kadal": 30}


def test_fallback_expects_the_first_member_for_everybody(vendors: Vendors) -> None:
    client = vendors.fallback()
    assert client.member_for() == client.member_for(user="ada") == "kapa"


@pytest.mark.parametrize("user", ["ada", "eve", "slack:U1"])
def test_split_gives_a_user_the_same_member_each_time(vendors: Vendors, user: str) -> None:
    client = vendors.split(WEIGHTS)
    expected = choose_member({"kapa": 70.0, "kadal": 30.0}, user)
    assert client.member_for(user=user) == client.member_for(user=User(user)) == expected
    getattr(vendors, expected).answers("one").answers("two").streams("th", "ree")
    assert client.chat("one", user=user).profile == expected
    assert client.chat("two", user=User(user)).profile == expected
    with client.stream("three", user=user) as pieces:
        assert pieces.answer.profile == expected


def test_split_knows_a_user_without_an_id_by_another_of_theirs(vendors: Vendors) -> None:
    client = vendors.split(WEIGHTS)
    assert client.member_for(user=User(email="eve")) == client.member_for(user="eve")


def test_split_without_a_user_draws_by_weight(vendors: Vendors) -> None:
    client = vendors.split({"kapa": 3, "kadal": 1})
    assert client.member_for() is None
    for _ in range(200):
        vendors.kapa.answers("a")
        vendors.kadal.answers("b")
    drawn = Counter(client.chat("Hello?").profile for _ in range(200))
    assert 100 < drawn["kapa"] < 195


def test_split_does_not_fall_back(vendors: Vendors) -> None:
    client = vendors.split(WEIGHTS)
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        client.chat("Hello?", user="ada")
    assert list_questions(vendors.kadal) == []


def test_a_thread_stays_whatever_the_weights_are(vendors: Vendors) -> None:
    members = vendors.clients()
    vendors.kapa.answers("one").answers("two")
    first = vendors.split({"kapa": 1e9, "kadal": 1e-9}, members).chat("one", user="ada")
    client = vendors.split({"kapa": 1e-9, "kadal": 1e9}, members)
    assert client.member_for(user="ada") == "kadal"
    assert client.member_for(user="ada", thread=first) == "kapa"
    assert client.continue_thread(first, "two", user="ada").profile == "kapa"


SIDES: Any = [Member(name, None, None, ()) for name in ("first", "second", "third")]


@pytest.mark.parametrize("rule", [Fallback(("refused",)), Shadow()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_fallback_and_shadow_expect_the_first_member_and_only_the_fallback_asks_the_others(
    rule: Rule, count: int
) -> None:
    members = SIDES[:count]
    assert rule.expect(members, None) is rule.expect(members, "ada") is members[0]
    assert list(rule.order(members, "ada")) == (members if rule.name == "fallback" else members[:1])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_split_without_a_user_expects_a_member_only_where_there_is_no_other(count: int) -> None:
    rule, members = Split({each.name: 1.0 for each in SIDES}), SIDES[:count]
    assert rule.expect(members, None) is (members[0] if count == 1 else None)
    (drawn,) = rule.order(members, None)
    assert drawn in members


@pytest.mark.parametrize(
    ("rule", "given"), [(Fallback, ["fall_back_on", "patience"]), (Split, ["weights"]), (Shadow, [])]
)
def test_a_rule_takes_what_a_caller_may_choose_and_nothing_else(rule: type[Rule], given: list[str]) -> None:
    assert list(inspect.signature(rule).parameters) == given
