"""Processes that hammer one store while some are killed; longer in `tox -e load`."""

import pytest

from bench.hammer import Hammer

from .conftest import new_schema


@pytest.mark.parametrize("route", [False, True], ids=["one vendor", "a route"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_message_is_lost_mixed_up_or_asked_twice_while_workers_are_killed(kind, route, tmp_path):
    def hammer(store):
        hammering = Hammer(store, processes=2, conversations=4, messages=4, kills=3, between_kills=0.5, route=route)
        hammering.run()
        return hammering

    if kind == "sqlite":
        hammering = hammer(f"sqlite:///{tmp_path / 'bot.db'}")
    else:
        with new_schema() as address:
            hammering = hammer(address)
    assert hammering.problems == []


def test_a_message_that_was_lost_mixed_up_or_asked_twice_is_noticed():
    hammering = Hammer("memory:", conversations=2, messages=2)
    hammering._check([("t1", "c0-m0"), ("t1", "c0-m0"), ("t1", "c1-m0"), ("t2", "c1-m1"), ("t3", "c1-m1")])
    assert hammering.problems == [
        "c0-m1 was lost",
        "c0-m0 was asked 2 times",
        "c1-m1 was asked 2 times",
        "['c0', 'c1'] share a thread",
        "3 threads for 2 conversations",
    ]
