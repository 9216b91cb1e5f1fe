"""The time of a database server, asked only as often as need be."""

import pytest
from attrs import define

from unichat.conversations.stores.server_clock import ServerClock


@define
class Machine:
    """A machine whose clocks are moved by hand, and a server that is 100 seconds ahead of it."""

    wall: float = 1_800_000_000.0
    steady: float = 50.0
    ahead: float = 100.0
    asked: int = 0

    def ask(self):
        self.asked += 1
        return self.wall + self.ahead

    def passes(self, seconds):
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def clock(machine):
    return ServerClock(lambda: machine.wall, lambda: machine.steady)


def test_the_time_is_the_servers_and_goes_on_without_asking(machine, clock):
    assert clock.now(machine.ask) == 1_800_000_100.0
    machine.passes(1.5)
    assert clock.now(machine.ask) == 1_800_000_101.5
    assert machine.asked == 1


def test_the_server_is_asked_again_when_its_answer_is_old(machine, clock):
    clock.now(machine.ask)
    machine.passes(6)
    machine.ahead = 101
    assert clock.now(machine.ask) == 1_800_000_107.0
    assert machine.asked == 2


@pytest.mark.parametrize("step", [-3600.0, -1.0, 0.5, 3600.0], ids=["back an hour", "back", "ahead", "ahead an hour"])
def test_the_server_is_asked_again_when_the_time_of_day_was_set_or_the_machine_was_suspended(machine, clock, step):
    clock.now(machine.ask)
    machine.wall += step
    machine.ahead -= step
    assert clock.now(machine.ask) == 1_800_000_100.0
    assert machine.asked == 2
