"""Routes below a split that share clients: whatever concerns all of them concerns each client once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors
from unichat import routing
from unichat.models import ClearOutcome, ClearResult


@pytest.fixture
def shared(vendors: Vendors) -> Any:
    """Half of the users begin at each vendor; both vendors are for all of them."""
    clients = vendors.clients()
    kapa_first = routing.fallback(clients)
    kadal_first = routing.fallback(dict(reversed(clients.items())))
    return vendors.split({"kapa-first": 1, "kadal-first": 1}, {"kapa-first": kapa_first, "kadal-first": kadal_first})


def users_of(client: Any, member: str, count: int = 2) -> list[str]:
    return [user for user in map(str, range(100)) if client.member_for(user=user) == member][:count]


def test_a_split_over_routes_in_other_orders_asks_whom_each_user_begins_with(vendors: Vendors, shared: Any) -> None:
    (one,), (other,) = users_of(shared, "kapa-first", 1), users_of(shared, "kadal-first", 1)
    vendors.kapa.answers("from Kapa").fails("503")
    vendors.kadal.answers("from Kadal").answers("instead")
    assert shared.chat("Hello?", user=one).profile == "kapa"
    assert shared.chat("Hello?", user=other).profile == "kadal"
    assert shared.chat("Again?", user=one).profile == "kadal"


@pytest.mark.parametrize("streamed", [True, False])
def test_a_thread_goes_on_by_the_rules_of_its_users_route(vendors: Vendors, streamed: bool) -> None:
    clients = vendors.clients()
    members = {
        "stays": routing.fallback(clients),
        "moves": routing.fallback(dict(reversed(clients.items())), carry_over=True),
    }
    client = vendors.split({"stays": 1, "moves": 1}, members)
    vendors.kadal.answers("from Kadal").fails("503")
    vendors.kapa.answers("instead")
    (user,) = users_of(client, "moves", 1)
    answer = client.chat("Hello?", user=user)
    assert client.member_for(user=user, thread=answer.thread) == "moves"
    assert client.member_for(thread=answer.thread) in ("stays", "moves")
    if streamed:
        with client.stream("Again?", thread=answer.thread, user=user) as stream:
            again = stream.answer
    else:
        again = client.continue_thread(answer, "Again?", user=user)
    assert (again.profile, again.carried_over) == ("kapa", 1)


def test_its_capabilities_are_those_of_all(vendors: Vendors) -> None:
    vendors.kapa.capabilities(question_limit=10, streaming=False)
    clients = vendors.clients()
    members = {"a": routing.fallback(clients), "b": routing.split({"kadal": clients["kadal"]}, {"kadal": 1})}
    client = vendors.split({"a": 1, "b": 1}, members)
    assert (client.capabilities.question_limit, client.capabilities.streaming) == (10, False)
    assert client.members["b"].capabilities.question_limit is None


def test_history_of_a_user_has_each_exchange_once(vendors: Vendors, shared: Any) -> None:
    vendors.kapa.answers("one")
    vendors.kadal.answers("two")
    for member in ("kapa-first", "kadal-first"):
        shared.chat("Hello?", user=users_of(shared, member, 1)[0])
    assert sorted(row.answer for row in shared.history()) == ["one", "two"]
    assert [row.answer for row in shared.history(user=users_of(shared, "kadal-first", 1)[0])] == ["two"]
    assert len(list(shared.history(limit=1))) == 1
    assert [call.name for call in vendors.kapa.calls].count("history") == 3


def test_clearing_a_user_clears_each_client_once_and_every_route_has_its_part(vendors: Vendors, shared: Any) -> None:
    result = shared.clear_history(user="ada")
    assert result.outcome is ClearOutcome.CLEARED
    assert [list(part.parts) for part in result.parts.values()] == [["kapa", "kadal"], ["kadal", "kapa"]]
    assert all(isinstance(each, ClearResult) for part in result.parts.values() for each in part.parts.values())
    for vendor in (vendors.kapa, vendors.kadal):
        assert [call.name for call in vendor.calls] == ["clear_history"]
    assert len(result.call.attempts) == 2


def test_clearing_is_tried_again_on_another_path_where_it_failed(vendors: Vendors, shared: Any) -> None:
    vendors.kapa.fails("503")
    result = shared.clear_history(user="ada")
    first, second = result.parts.values()
    assert not isinstance(first.parts["kapa"], ClearResult)
    assert isinstance(second.parts["kapa"], ClearResult)


def test_other_policy_is_that_of_one_copy_of_each_client(vendors: Vendors, shared: Any) -> None:
    other = shared.with_policy(attempts=2, deadline=7)
    first, second = other.members["kapa-first"].members, other.members["kadal-first"].members
    assert first["kapa"] is second["kapa"]
    assert first["kadal"] is second["kadal"]
    assert shared.members["kapa-first"].members["kapa"] is not first["kapa"]
    vendors.kapa.fails("503").answers("one")
    assert other.chat("Hello?", user=users_of(shared, "kapa-first", 1)[0]).profile == "kapa"


def test_closing_closes_each(vendors: Vendors, shared: Any) -> None:
    plain = list(shared.members["kapa-first"].members.values())
    shared.close()
    shared.close()
    for client in plain:
        with pytest.raises(Exception, match="the client is closed"):
            client._check_open()
