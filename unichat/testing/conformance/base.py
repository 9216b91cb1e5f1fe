"""What the parts of the suite share: clients of both kinds, what their vendor is sent, and its failures."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from attrs import define, field

from unichat import AsyncClient, Client
from unichat.adapter import Reply
from unichat.errors import UnichatError, Unsupported
from unichat.testing.blocking import BlockingClient
from unichat.testing.clock import FakeClock
from unichat.testing.faults import Fault, find_fault
from unichat.testing.faulty import AsyncFaultyTransport, FaultyTransport
from unichat.transport.base import (
    AsyncOpenReply,
    AsyncTransport,
    Deadline,
    HttpRequest,
    OpenReply,
    Transport,
    TransportFailure,
)

QUESTION = "What is this about?"
OTHER_QUESTION = "And how does it begin?"
Connect = Callable[..., Any]


@define
class SentTransport:
    """Counts what is sent by another transport."""

    inner: Transport
    sent: list[HttpRequest] = field(factory=list)

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Note the request, and send it."""
        self.sent.append(request)
        return self.inner.send(request, deadline, limit=limit)

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Note the request, and send it."""
        self.sent.append(request)
        return self.inner.open(request, deadline, idle_timeout=idle_timeout)

    def close(self) -> None:
        """Close the other transport."""
        self.inner.close()


@define
class AsyncSentTransport:
    """The same on asyncio."""

    inner: AsyncTransport
    sent: list[HttpRequest] = field(factory=list)

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Note the request, and send it."""
        self.sent.append(request)
        return await self.inner.send(request, deadline, limit=limit)

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """Note the request, and send it."""
        self.sent.append(request)
        return await self.inner.open(request, deadline, idle_timeout=idle_timeout)

    async def close(self) -> None:
        """Close the other transport."""
        await self.inner.close()


class ConformanceCase:
    """The parts of the suite derive from it; so that each test runs with the client and with the asyncio client."""

    def connect(self, **settings: Any) -> Client:
        """Return a client of the vendor. `settings` take the place of those that it always has, such as a wrong key."""
        raise NotImplementedError("give connect(self, **settings)")

    def connect_async(self, **settings: Any) -> AsyncClient:
        """Return an asyncio client of the vendor."""
        raise NotImplementedError("give connect_async(self, **settings)")

    @pytest.fixture(params=["sync", "async"])
    def open_client(self, request: pytest.FixtureRequest) -> Iterator[Connect]:
        """Return a function that makes clients, closed after the test; those of asyncio are called as others are."""
        opened: list[Any] = []
        if request.param == "sync":

            def open_sync(**settings: Any) -> Client:
                opened.append(self.connect(**settings))
                return opened[-1]  # type: ignore[no-any-return]

            yield open_sync
            for client in opened:
                client.close()
            return
        with asyncio.Runner() as runner:

            def open_async(**settings: Any) -> BlockingClient:
                async def make() -> AsyncClient:
                    return self.connect_async(**settings)

                opened.append(BlockingClient(runner, runner.run(make())))
                return opened[-1]  # type: ignore[no-any-return]

            yield open_async
            for client in opened:
                client.close()

    @pytest.fixture
    def client(self, open_client: Connect) -> Any:
        """A client of the vendor, of either kind."""
        return open_client()

    @pytest.fixture
    def user(self) -> str | None:
        """The id of a person of whom the vendor has not heard; None if the vendor's questions carry no user."""
        return str(uuid.uuid4()) if self._carries_users() else None

    def _carries_users(self) -> bool:
        kind = type(self)
        if kind not in _CARRIES_USERS:
            _CARRIES_USERS[kind] = True
            # Nothing is sent: an argument is refused before, and whoever takes it finds no vendor.
            with with_fault(self.connect(), "certificate") as client, suppress(UnichatError):
                try:
                    client.chat(QUESTION, user=str(uuid.uuid4()))
                except Unsupported as error:
                    _CARRIES_USERS[kind] = error.argument != "user"
        return _CARRIES_USERS[kind]


_CARRIES_USERS: dict[type, bool] = {}
"""What is known of the vendors of the classes so far."""


def need(client: Any, *capabilities: str) -> None:
    """Skip the test unless the vendor can do this."""
    for name in capabilities:
        if not getattr(client.capabilities, name):
            pytest.skip(f"the capabilities are without {name}")


def need_user(user: str | None) -> str:
    """Return the user; skip the test if the vendor's questions carry none."""
    if user is None:
        pytest.skip("the vendor's questions carry no user")
    return user


def another(user: str | None) -> str | None:
    """Return another user than this one, if the vendor's questions carry any."""
    return None if user is None else f"{user}-other"


def with_transport(client: Any, sync: Callable[[Any], Any], asynchronous: Callable[[Any], Any]) -> Any:
    """Return a client that sends by what one of these makes of its transport."""
    if isinstance(client, BlockingClient):
        inner = client.asynchronous
        return BlockingClient(client.loop, inner._with_transport(asynchronous(inner._transport)))
    return client._with_transport(sync(client._transport))


def with_fault(client: Any, fault: Fault | str) -> Any:
    """Return the client as it is when this happens to each of its requests."""
    named = find_fault(fault) if isinstance(fault, str) else fault
    clock = FakeClock()
    return with_transport(
        client,
        lambda inner: FaultyTransport(inner, named, clock),
        lambda inner: AsyncFaultyTransport(inner, named, clock),
    )


def record_requests(client: Any) -> tuple[Any, list[HttpRequest]]:
    """Return the client, and the list of what it sends."""
    sent: list[HttpRequest] = []
    return with_transport(
        client, lambda inner: SentTransport(inner, sent), lambda inner: AsyncSentTransport(inner, sent)
    ), sent


def read_secrets(client: Any) -> list[str]:
    """Return the secrets among a client's settings."""
    inner = client.asynchronous if isinstance(client, BlockingClient) else client
    return [secret.reveal() for secret in inner._context.secrets]


def read_history(client: Any, **arguments: Any) -> list[Any]:
    """Return a whole history."""
    return list(client.history(**arguments))
