"""What the tests of routes share: two vendors without a network, and routes over both kinds of client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field

from tests.blocking import BlockingClient, Loop
from unichat import routing
from unichat.testing import FakeBackend


@define
class Vendors:
    """Two vendors with one clock, and routes over clients of them: synchronous ones, or blocking ones on asyncio."""

    kapa: FakeBackend
    kadal: FakeBackend
    loop: Loop | None
    closing: list[Any] = field(factory=list)

    def client(self, vendor: FakeBackend, **policy: Any) -> Any:
        """A client as a route takes it."""
        policy.setdefault("attempts", 1)
        return vendor.client(**policy) if self.loop is None else vendor.async_client(**policy)

    def clients(self, **policy: Any) -> dict[str, Any]:
        """A client of each."""
        return {"kapa": self.client(self.kapa, **policy), "kadal": self.client(self.kadal, **policy)}

    def fallback(self, members: Any = None, **settings: Any) -> Any:
        return self.block(routing.fallback(members or self.clients(), **settings))

    def split(self, weights: dict[str, float], members: Any = None, **settings: Any) -> Any:
        return self.block(routing.split(members or self.clients(), weights, **settings))

    def block(self, route: Any) -> Any:
        """The route, with calls that block."""
        client = route if self.loop is None else BlockingClient(self.loop, route)
        self.closing.append(client)
        return client


@pytest.fixture(params=["sync", "async"])
def vendors(request: pytest.FixtureRequest) -> Iterator[Vendors]:
    loop = Loop() if request.param == "async" else None
    kapa, kadal = FakeBackend(scope="project"), FakeBackend(scope="bot")
    kadal.clock = kapa.clock
    vendors = Vendors(kapa, kadal, loop)
    yield vendors
    for client in vendors.closing:
        client.close()
    if loop is not None:
        loop.close()


def list_questions(vendor: FakeBackend) -> list[str]:
    """The questions that a vendor was asked."""
    return [call.question for call in vendor.calls if call.question is not None]
