"""Routes: clients over other clients, which decide whom each question goes to.

    client = unichat.routing.fallback({"kapa": a, "kadal": b}, patience=2)

A route is a client like any other, with the same calls, errors, hooks and records. A thread stays with the member that
it began with; only new questions are routed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from unichat.client.async_client import AsyncClient
    from unichat.client.sync_client import Client
    from unichat.routing.rules import Rule
    from unichat.routing.settings import Reason, RouteSettings

    C = TypeVar("C", Client, AsyncClient)

__all__ = ["fallback", "shadow", "split"]


def fallback(
    members: Mapping[str, C],
    *,
    fall_back_on: Iterable[Reason] = ("unavailable", "rate_limited"),
    patience: float | None = None,
    deadline: float | None = None,
    carry_over: bool = False,
    carry_over_limit: int = 4000,
) -> C:
    """Return a client that asks its members in order, the next where one cannot answer. Closing it closes them.

    Args:
        members: the clients by name: all synchronous, or all on asyncio. Routes may be among them.
        fall_back_on: when the next member is asked: `unavailable` (5xx, no connection, a time-out, an open circuit, an
            answer that cannot be read), `rate_limited`, `refused` (401, 403), `not_found`, or `uncertain` (the vendor
            marks its own answer as uncertain; not for streams).
        patience: seconds that each member but the last may take, with its own retries, until the answer or the first
            event of a stream; None for an equal share of what is left of the deadline.
        deadline: seconds for a call without a deadline of its own: over all members.
        carry_over: whether a thread whose owner cannot answer, or is not a member any more, goes on in a new thread on
            the next member, with the earlier exchanges before the question. What people wrote to one vendor then goes
            to another.
        carry_over_limit: the most characters that the earlier exchanges may take.

    Raises:
        ConfigError: an argument is not acceptable.
    """
    from unichat.routing.checks import check_asked_once, check_members
    from unichat.routing.rules import Fallback
    from unichat.routing.settings import FallbackSettings

    clients = check_members(members)
    check_asked_once(clients)
    given: Any = fall_back_on
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        given = tuple(given)
    settings = FallbackSettings(
        fall_back_on=given,
        patience=patience,
        deadline=deadline,
        carry_over=carry_over,
        carry_over_limit=carry_over_limit,
    )
    client: C = _build(Fallback(settings.fall_back_on, settings.patience), clients, settings)
    return client


def split(
    members: Mapping[str, C],
    weights: Mapping[str, float],
    *,
    deadline: float | None = None,
    carry_over: bool = False,
    carry_over_limit: int = 4000,
) -> C:
    """Return a client that divides the users among its members. Closing it closes them.

    The same user always has the same member. If weights change or members are added, only the users move who must for
    the new shares. A question without a user goes to a member at random, by weight.

    Args:
        members: the clients by name: all synchronous, or all on asyncio. Routes may be among them.
        weights: a positive number for each member.
        deadline: seconds for a call without a deadline of its own.
        carry_over: whether a thread whose owner cannot answer, or is not a member any more, goes on in a new thread on
            the next member, with the earlier exchanges before the question. What people wrote to one vendor then goes
            to another.
        carry_over_limit: the most characters that the earlier exchanges may take.

    Raises:
        ConfigError: an argument is not acceptable.
    """
    from unichat.routing.checks import check_members, check_weights
    from unichat.routing.rules import Split
    from unichat.routing.settings import SplitSettings

    settings = SplitSettings(deadline=deadline, carry_over=carry_over, carry_over_limit=carry_over_limit)
    clients = check_members(members)
    client: C = _build(Split(check_weights(clients, weights)), clients, settings)
    return client


def shadow(
    members: Mapping[str, C],
    *,
    share: float = 1.0,
    record: str | os.PathLike[str] | None = None,
    shadow_concurrency: int = 4,
    shadow_grace: float = 5.0,
    deadline: float | None = None,
) -> C:
    """Return a client whose first member answers, while the other is asked the same in the background.

    Whatever becomes of the other side, the caller does not notice. `client.shadow_left_out` counts the questions that
    it was not asked. Closing the client closes both members.

    Args:
        members: two clients by name, the primary first.
        share: of the threads, from 0 to 1, whose questions the other is asked, too; drawn with the first question.
        record: a file that gets a line of JSON for each question that both were asked: `at`, `question`, `primary` and
            `other`, each with `profile`, `text`, `sources`, `seconds` and `error`.
        shadow_concurrency: how many questions the other is asked at a time; more are left out.
        shadow_grace: seconds that closing and `clear_history` wait for those that still run, and that the other then
            has to clear.
        deadline: seconds for a call without a deadline of its own.

    Raises:
        ConfigError: an argument is not acceptable.
    """
    from unichat.routing.checks import check_asked_once, check_members, check_sides
    from unichat.routing.rules import Shadow
    from unichat.routing.settings import ShadowSettings

    settings = ShadowSettings(
        share=share,
        record=os.fspath(record) if isinstance(record, os.PathLike) else record,
        shadow_concurrency=shadow_concurrency,
        shadow_grace=shadow_grace,
        deadline=deadline,
    )
    clients = check_sides(check_members(members))
    check_asked_once(clients)
    client: C = _build(Shadow(), clients, settings)
    return client


def _build(rule: Rule, clients: Mapping[str, Any], settings: RouteSettings) -> Any:
    from unichat.client.sync_client import Client
    from unichat.routing.members import Member
    from unichat.routing.settings import ShadowSettings

    members = [Member.from_client(name, client) for name, client in clients.items()]
    is_blocking = isinstance(members[0].client, Client)
    if isinstance(settings, ShadowSettings):
        from unichat.routing.shadow_clients import AsyncShadowClient, ShadowClient

        return (ShadowClient if is_blocking else AsyncShadowClient)(rule, members, settings)
    if is_blocking:
        from unichat.routing.sync_client import RoutedClient

        return RoutedClient(rule, members, settings)
    from unichat.routing.async_client import AsyncRoutedClient

    return AsyncRoutedClient(rule, members, settings)
