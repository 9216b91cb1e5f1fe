"""Checks of a route's members, and of the weights of a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.client.base import BaseClient
from unichat.client.sync_client import Client
from unichat.errors import ConfigError
from unichat.routing.settings import check_weight

_MEMBERS = Template(PythonOnly('Pass clients by name, such as {"kapa": a, "kadal": b}.'))
_WEIGHTS = Template(PythonOnly('Pass a positive number for each member, such as {"kapa": 70, "kadal": 30}.'))


def check_members(members: object) -> dict[str, Any]:
    """Return the clients of a new route by name: all synchronous, or all on asyncio, and each once.

    Raises:
        ConfigError: they are anything else.
    """
    if not isinstance(members, Mapping):
        raise ConfigError(f"members is {format_value(members)}, not a dict", key="members", hint=_MEMBERS)
    if not members:
        raise ConfigError("a route has at least one member", key="members", hint=_MEMBERS)
    names: dict[int, str] = {}
    for name, client in members.items():
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"a member's name is {format_value(name)}, not text", key="members", hint=_MEMBERS)
        if not isinstance(client, BaseClient):
            raise ConfigError(f"{name} is {format_value(client)}, not a client", key="members", hint=_MEMBERS)
        other = names.setdefault(id(client), name)
        if other != name:
            raise ConfigError(f"{other} and {name} are the same client", key="members", hint="Name each once.")
    _check_kinds(members)
    return dict(members)


def check_asked_once(members: Mapping[str, BaseClient]) -> None:
    """Reject members of which one is, or is made of, what another one is too: one question could reach it twice.

    Raises:
        ConfigError: there are such.
    """
    names: dict[int, str] = {}
    for name, client in members.items():
        for plain in _find_plain_clients(client):
            other = names.setdefault(id(plain), name)
            if other != name:
                raise ConfigError(
                    f"{other} and {name} have a client in common, which could be asked the same question twice",
                    key="members",
                    hint="Name it once.",
                )


def _find_plain_clients(client: BaseClient) -> Iterator[BaseClient]:
    if not client.members:
        yield client
    for member in client.members.values():
        yield from _find_plain_clients(member)


def _check_kinds(members: Mapping[str, BaseClient]) -> None:
    blocking = [name for name, client in members.items() if isinstance(client, Client)]
    others = [name for name in members if name not in blocking]
    if blocking and others:
        raise ConfigError(
            f"{blocking[0]} is a synchronous client, and {others[0]} is one on asyncio",
            key="members",
            hint=Template(PythonOnly("Make all of them with unichat.connect, or all with unichat.connect_async.")),
        )


def check_sides(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a shadow: the primary, and the other.

    Raises:
        ConfigError: there are not two.
    """
    if len(members) != 2:
        raise ConfigError(
            f"a shadow has two members, a primary and another, not {len(members)}", key="members", hint=_MEMBERS
        )
    return members


def check_weights(names: Mapping[str, object], weights: object) -> dict[str, float]:
    """Return the weights by the members' names, the largest of which is 1: only what they are to each other matters.

    Raises:
        ConfigError: they are anything else.
    """
    if not isinstance(weights, Mapping):
        raise ConfigError(f"weights is {format_value(weights)}, not a dict", key="weights", hint=_WEIGHTS)
    for name in weights:
        if name not in names:
            raise ConfigError(f"{format_value(name)} has a weight, and is not a member", key="weights", hint=_WEIGHTS)
    for name in names:
        if name not in weights:
            raise ConfigError(f"{name} has no weight", key="weights", hint=_WEIGHTS)
        check_weight(f"weights[{format_value(name)}]", weights[name])
    # The sum of large ones could be infinite.
    largest = max(float(weights[name]) for name in names)
    return {name: float(weights[name]) / largest for name in names}
