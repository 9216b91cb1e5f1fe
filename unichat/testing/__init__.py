"""For tests of bots: a transport without a network, a clock on which nobody waits, a server that misbehaves by name.

`FAULTS` is the table of what can go wrong: each name works with `CannedTransport`, and those that need no more than a
connection with `FaultServer`, too. Nothing here imports a test framework, except `AdapterConformance`, which needs
pytest, and is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unichat.testing.answers import CannedReply, CannedStream, json_answer
from unichat.testing.canned import AsyncCannedTransport, CannedTransport, Outcome
from unichat.testing.clients import connect, connect_async
from unichat.testing.clock import FakeClock
from unichat.testing.fake_backend import FakeBackend
from unichat.testing.fake_vendor import FakeCall
from unichat.testing.faults import FAULTS, Fault, find_fault
from unichat.testing.recording import recorded
from unichat.testing.server import Connection, FaultServer, Gone
from unichat.testing.tape import RecordingMissing

if TYPE_CHECKING:
    from unichat.testing.conformance import AdapterConformance as AdapterConformance

# Not the conformance suite: `from unichat.testing import *` must work without pytest.
__all__ = [
    "FAULTS",
    "AsyncCannedTransport",
    "CannedReply",
    "CannedStream",
    "CannedTransport",
    "Connection",
    "FakeBackend",
    "FakeCall",
    "FakeClock",
    "Fault",
    "FaultServer",
    "Gone",
    "Outcome",
    "RecordingMissing",
    "connect",
    "connect_async",
    "find_fault",
    "json_answer",
    "recorded",
]


def __getattr__(name: str) -> Any:
    if name != "AdapterConformance":
        raise AttributeError(f"module 'unichat.testing' has no attribute {name!r}")
    from unichat.testing.conformance import AdapterConformance

    return AdapterConformance


def __dir__() -> list[str]:
    return sorted([*__all__, "AdapterConformance"])
