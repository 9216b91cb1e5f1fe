"""What the tests of conversations share: vendors without a network, a clock that they move, and every kind of store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from attrs import define, field

import unichat
import unichat.sandbox
from tests.behaviour.conftest import MANUAL
from unichat import Client, Conversations
from unichat.conversations import base
from unichat.conversations.stores.address import open_store
from unichat.testing import CannedTransport, FakeClock
from unichat.testing.clients import connect

from .stepping import Worker
from .vendors import Kadal, Kapa, Vendor

POSTGRESQL = os.environ.get("UNICHAT_TEST_POSTGRESQL")
"""The URL of a database in which tests may make schemas; `.ci/run` starts one."""


@contextmanager
def new_schema() -> Iterator[str]:
    """A schema of its own in PostgreSQL, as the URL of an empty store; skips where there is none."""
    if POSTGRESQL is None:
        pytest.skip("there is no PostgreSQL: UNICHAT_TEST_POSTGRESQL is not set")
    import sqlalchemy

    name = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {name}"))
        yield f"{POSTGRESQL}?options=-csearch_path%3D{name}"
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[unichat.sandbox.Sandbox]:
    """Both vendors, simulated over HTTP; tests keep apart by conversations of their own."""
    folder = tmp_path_factory.mktemp("manual")
    (folder / "gizmo.md").write_text(MANUAL, encoding="utf-8")
    with unichat.sandbox.start(docs=folder) as box:
        yield box


@pytest.fixture
def clock() -> FakeClock:
    # A date, so that vendors can write it down.
    return FakeClock(now=1_800_000_000.0)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[str]:
    """The address of an empty store, of each kind."""
    with ExitStack() as stack:
        match request.param:
            case "memory":
                yield "memory:"
            case "sqlite":
                yield f"sqlite:///{tmp_path / 'bot.db'}"
            case _:
                yield stack.enter_context(new_schema())


@pytest.fixture
def open_with_clock(clock: FakeClock) -> Iterator[Callable[[str], Any]]:
    """Open stores that go by the test's clock; memory is one for the whole test."""
    opened: dict[str, Any] = {}
    everything: list[Any] = []

    def open_by_clock(address: str) -> Any:
        if address in opened:
            return opened[address]
        store: Any = open_store(address)
        store._clock = clock.monotonic
        everything.append(store)
        if address == "memory:":
            opened[address] = store
        return store

    yield open_by_clock
    for store in everything:
        store.close()


@pytest.fixture
def store(address: str, open_with_clock: Callable[[str], Any]) -> Any:
    """A store of each kind, by the test's clock."""
    return open_with_clock(address)


@define
class Bots:
    """Workers of one bot, as if each were a process of its own: they share a vendor and a store."""

    vendor: Any
    address: str
    clock: FakeClock
    clients: list[Client] = field(factory=list)
    workers: list[Conversations] = field(factory=list)

    def worker(self, vendor: Vendor | None = None, **settings: Any) -> Conversations:
        """Another worker; or one that talks to another vendor, as after a switch."""
        found = self.vendor if vendor is None else vendor
        given = {
            name: settings.pop(name) for name in ("threads", "attempts", "replay", "check_thread") if name in settings
        }
        transport = CannedTransport(answer=found, clock=self.clock)
        client = connect(found.backend, transport, clock=self.clock, **{**found.settings, **given})
        self.clients.append(client)
        self.workers.append(Conversations(client, store=self.address, **settings))
        return self.workers[-1]

    def ask(self, worker: Conversations, text: str, key: str = "c", **arguments: Any) -> Worker:
        """A message, stopped wherever it would wait."""
        given = {"user": None, "event": None, "metadata": None, "deadline": None, **arguments}
        return Worker(worker._arrive(key, text, **given)().ask(), self.clock)


@pytest.fixture
def make_bots(
    address: str, clock: FakeClock, open_with_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Any], Bots]]:
    monkeypatch.setattr(base, "open_store", open_with_clock)
    made: list[Bots] = []

    def make(kind: Any) -> Bots:
        made.append(Bots(kind(clock), address, clock))
        return made[-1]

    yield make
    for each in made:
        for worker in each.workers:
            worker.close()
        for client in each.clients:
            client.close()


@pytest.fixture
def bots(make_bots: Callable[[Any], Bots]) -> Bots:
    """Workers of a bot at Kapa."""
    return make_bots(Kapa)


@pytest.fixture(params=[Kapa, Kadal], ids=["kapa", "kadal"])
def any_bots(request: pytest.FixtureRequest, make_bots: Callable[[Any], Bots]) -> Bots:
    """Workers of a bot at each vendor."""
    return make_bots(request.param)
