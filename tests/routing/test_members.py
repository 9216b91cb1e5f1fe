"""The members of a route, and those that are made of the same clients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors
from unichat import routing
from unichat.models import Answer
from unichat.routing.members import Member, Owner
from unichat.testing import FakeBackend


@pytest.fixture
def both_orders(vendors: Vendors) -> Any:
    """A split over two fallbacks, which have the same clients in two orders."""
    for vendor in (vendors.kapa, vendors.kadal):
        for _ in range(16):
            vendor.answers("Yes.")
    clients = vendors.clients()
    reverse = dict(reversed(clients.items()))
    members = {"kapa-first": routing.fallback(clients), "kadal-first": routing.fallback(reverse)}
    return vendors.split({"kapa-first": 1, "kadal-first": 1}, members)


def test_history_of_members_over_the_same_clients_has_each_exchange_once(both_orders: Any) -> None:
    for number in range(8):
        both_orders.chat("one?", user=f"user-{number}")
    assert len(list(both_orders.history(user="user-3"))) == 1
    assert len(list(both_orders.history())) == 8


def test_a_thread_of_members_over_the_same_clients_stays_with_its_vendor(both_orders: Any) -> None:
    for number in range(8):
        answer = both_orders.chat("one?", user=f"user-{number}")
        assert both_orders.continue_thread(answer, "two?").profile == answer.profile


def describe_histories(route: Any) -> list[int]:
    """How many exchanges the history has: of the route, and of it with another policy."""
    return [len(list(each.history(user="ada"))) for each in (route, route.with_policy(attempts=1))]


@pytest.mark.parametrize("kind", ["two_keys", "partly_shared", "nested_after", "shadow_of_another"])
def test_history_has_each_exchange_once_however_the_members_share_it(vendors: Vendors, kind: str) -> None:
    for vendor in (vendors.kapa, vendors.kadal):
        vendor.answers("Yes.")
        vendors.block(vendor.client() if vendors.loop is None else vendor.async_client()).chat("one?", user="ada")
    clients = vendors.clients()
    kapa, kadal = clients["kapa"], clients["kadal"]
    if kind == "two_keys":
        members = {"first": kapa, "second": vendors.client(vendors.kapa), "kadal": kadal}
    elif kind == "partly_shared":
        members = {"kapa": kapa, "both": routing.fallback(clients)}
    elif kind == "nested_after":
        members = {"both": routing.fallback(clients), "again": routing.fallback({"kadal": kadal, "kapa": kapa})}
    else:
        # What a shadow's other side was asked is not in the shadow's history.
        members = {"shadow": routing.shadow(clients), "kadal": kadal}
    route = vendors.split(dict.fromkeys(members, 1), members)
    assert describe_histories(route) == [2, 2]


def test_history_of_clients_without_a_scope_is_that_of_each(vendors: Vendors) -> None:
    vendors.kapa, vendors.kadal = FakeBackend(), FakeBackend()
    for vendor in (vendors.kapa, vendors.kadal):
        vendor.answers("Yes.")
        vendors.block(vendors.client(vendor)).chat("one?", user="ada")
    assert describe_histories(vendors.fallback()) == [2, 2]


def find_plain_clients(route: Any) -> list[Any]:
    found: list[Any] = []
    for client in route.members.values():
        found += find_plain_clients(client) if client.members else [client]
    return found


def test_with_policy_copies_each_shared_client_once(both_orders: Any) -> None:
    clients = find_plain_clients(both_orders.with_policy(attempts=2).with_policy(deadline=5))
    assert len(clients) == 4
    assert len({id(client) for client in clients}) == 2


def test_a_client_without_a_scope_on_two_paths_owns_its_threads_and_answers(vendors: Vendors) -> None:
    vendors.kapa = FakeBackend()
    vendors.kapa.answers("Yes.").answers("More.")
    client = vendors.client(vendors.kapa)
    members = {"a": routing.fallback({"kapa": client}), "b": routing.fallback({"kapa": client})}
    for route in (vendors.split({"a": 1, "b": 1}, members), vendors.split({"a": 1, "b": 1}, members).with_policy()):
        first = route.chat("one?", user="ada")
        assert route.continue_thread(first, "two?", user="ada").thread == first.thread
        assert route.feedback(Answer(text="", id=first.id, profile="kapa"), "up").answer_id == first.id
        vendors.kapa.answers("Yes.").answers("More.")


def test_an_owner_is_the_same_whichever_of_its_clients_is_asked() -> None:
    first, second = FakeBackend().client(), FakeBackend().client()
    owners = [Owner("kapa", "fake", "project", client) for client in (first, second)]
    assert owners[0] == owners[1]
    assert "client" not in repr(owners[0])


def test_a_member_is_only_itself_and_is_shown_without_its_renamed_client() -> None:
    members = [Member("kapa", None, None, ()) for _ in range(2)]
    assert members[0] != members[1]
    assert len(set(members)) == 2
    assert "asked" not in repr(members[0])
