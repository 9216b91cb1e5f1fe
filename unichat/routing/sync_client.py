"""A route as a synchronous client."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from unichat.client.sync_client import Client
from unichat.execution.sync_performer import SyncPerformer
from unichat.routing.members import Member
from unichat.routing.route import Route
from unichat.routing.rules import Rule
from unichat.routing.settings import RouteSettings


class RoutedClient(Route, Client):
    """A route over synchronous clients: a client as any other. Safe to share between threads."""

    def __init__(self, rule: Rule, members: Sequence[Member], settings: RouteSettings) -> None:
        clock = members[0].client._performer.clock
        super().__init__(rule, members, SyncPerformer(clock), settings)

    def close(self) -> None:
        """Close all members. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        self._performer.close()
        with ExitStack() as stack:
            # Each, whatever becomes of the others.
            for member in reversed(self._route_members):
                stack.callback(member.client.close)
