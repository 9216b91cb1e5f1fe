"""The members of a route, and those that are made of the same clients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors
from unichat import routing
from unichat.routing.members import Member, skip_repetitions


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


def test_skip_repetitions_keeps_members_that_have_a_client_of_their_own(vendors: Vendors) -> None:
    clients = vendors.clients()
    third = vendors.client(vendors.kapa)
    routes = {
        "both": routing.fallback(clients),
        "kadal": clients["kadal"],
        "third": routing.fallback({"kapa": clients["kapa"], "third": third}),
        "again": routing.fallback({"third": third, "kadal": clients["kadal"]}),
    }
    members = [Member.from_client(name, client) for name, client in routes.items()]
    assert [member.name for member in skip_repetitions(members)] == ["both", "third"]
    for client in (*clients.values(), third):
        vendors.block(client)
