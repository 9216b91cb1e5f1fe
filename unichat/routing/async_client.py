"""A route as an asyncio client."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from unichat.client.async_client import AsyncClient
from unichat.execution.async_performer import AsyncPerformer, LoopAffinity
from unichat.routing.members import Member
from unichat.routing.route import Route
from unichat.routing.rules import Rule
from unichat.routing.settings import RouteSettings


class AsyncRoutedClient(Route, AsyncClient):
    """A route over asyncio clients: a client as any other, for the tasks of one event loop."""

    def __init__(self, rule: Rule, members: Sequence[Member], settings: RouteSettings) -> None:
        performers = [member.client._performer for member in members]
        affinity = LoopAffinity(tuple(performer.affinity for performer in performers))
        super().__init__(rule, members, AsyncPerformer(performers[0].clock, affinity), settings)

    async def close(self) -> None:
        """Close all members. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        if self._performer.close():
            async with AsyncExitStack() as stack:
                # Each, whatever becomes of the others.
                for member in reversed(self._route_members):
                    stack.push_async_callback(member.client.close)
