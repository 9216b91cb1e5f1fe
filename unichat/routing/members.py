"""The members of a route: their names, their clients, and the plain clients at the bottom of nested routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from unichat.client.base import BaseClient


@frozen
class Owner:
    """A plain client, as a thread or an answer belongs to it.

    Attributes:
        profile: its name, in the route that it is a direct member of.
        backend: its vendor.
        scope: its bot or project; None where its adapter names none.
        client: the client itself.
    """

    profile: str
    backend: str
    scope: str | None
    client: BaseClient = field(eq=False, repr=False)

    @property
    def key(self) -> object:
        """What tells its bot or project apart: the same for two clients of one, such as with two keys."""
        # Clients without a scope may be of different bots.
        return id(self.client) if self.scope is None else (self.backend, self.scope)


@frozen(eq=False)
class Member:
    """A direct member of a route.

    Attributes:
        name: its name in the route.
        client: its client, as it was given.
        asked: the same, whose answers and attempts have its name.
        owners: the plain clients that it is, or is made of.
    """

    name: str
    client: Any
    asked: Any = field(repr=False)
    owners: tuple[Owner, ...]

    @classmethod
    def from_client(cls, name: str, client: BaseClient) -> Member:
        """Return the member of this name."""
        return cls(name, client, client._as_member(name), tuple(_find_owners(name, client)))

    def describe(self) -> str:
        """Return its name with its vendors, for a message."""
        return f"{self.name} ({', '.join(dict.fromkeys(owner.backend for owner in self.owners))})"


def _find_owners(name: str, client: BaseClient) -> Iterator[Owner]:
    if not client.members:
        yield Owner(name, client.backend, client._scope, client)
    for inner, member in client.members.items():
        yield from _find_owners(inner, member)
