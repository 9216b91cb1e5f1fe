"""The faults by name: a call ends alike whether a server does it to a connection, or a canned transport says so."""

from __future__ import annotations

import pytest

from tests.blocking import BlockingClient, Loop
from tests.pace import at_any_pace
from tests.testing.vendor import KAPA, outcome, vendor
from unichat.testing import (
    FAULTS,
    AsyncCannedTransport,
    CannedTransport,
    FakeClock,
    FaultServer,
    connect,
    connect_async,
    find_fault,
)

SERVED = [name for name, fault in FAULTS.items() if fault.serve is not None]


@pytest.mark.parametrize("call", ["chat", "stream"])
@pytest.mark.parametrize("name", SERVED)
@at_any_pace
def test_a_fault_ends_a_call_alike_on_the_wire_and_in_both_canned_transports(
    name: str, call: str, loop: Loop, pace: float
) -> None:
    limits = {"attempts": 1, **({"deadline": 0.3 * pace} if name in ("silence", "stall_in_body") else {})}
    with FaultServer(vendor, [name]) as server, connect("kapa", base_url=server.url, **KAPA, **limits) as bot:
        on_the_wire = outcome(bot, call)
    clock = FakeClock()
    with connect("kapa", CannedTransport(name, answer=vendor, clock=clock), clock=clock, **KAPA, **limits) as bot:
        assert outcome(bot, call) == on_the_wire
    transport = AsyncCannedTransport(name, answer=vendor, clock=clock)
    with BlockingClient(loop, connect_async("kapa", transport, clock=clock, **KAPA, **limits)) as bot:
        assert outcome(bot, call) == on_the_wire
    assert (on_the_wire == "Yes.") is (name in ("good", "interim"))


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(SERVED)))
def test_a_fault_without_a_connection_is_for_canned_transports_alone(name: str) -> None:
    with connect("kapa", CannedTransport(name), attempts=1, **KAPA) as bot:
        error, kind, delivered, _ = outcome(bot, "chat")
    assert (error, kind, delivered) == ("ConnectionFailed", name, False)
    with pytest.raises(ValueError, match=f"a server cannot do '{name}'"):
        FaultServer(vendor, [name])


def test_is_harmless_is_true_of_the_faults_that_a_client_copes_with() -> None:
    assert [name for name, fault in FAULTS.items() if fault.is_harmless] == ["good", "503_once", "interim"]


def test_every_status_is_the_name_of_a_fault() -> None:
    with connect("kapa", CannedTransport("418"), **KAPA) as bot:
        assert outcome(bot, "chat")[3] == 418
    assert find_fault("418").wire == "an answer of status 418 (I'm a Teapot), with `{}`"


@pytest.mark.parametrize("name", ["", "gremlins", "99", "600", "4e2", "٥٠٣"])
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ValueError, match=r"no fault is called .*; there are good, .*cut_stream"):
        find_fault(name)
