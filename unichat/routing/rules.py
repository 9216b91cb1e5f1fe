"""Rules: which members of a route are asked a new question, in which order, and when the next one is."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from unichat.client.speaker import Speaker
from unichat.models import User
from unichat.routing.members import Member
from unichat.routing.rendezvous import choose_member
from unichat.routing.settings import Reason


class Rule(Protocol):
    """What tells one kind of route from another."""

    @property
    def name(self) -> str:
        """What the config calls the kind of route."""
        ...

    @property
    def fall_back_on(self) -> tuple[Reason, ...]:
        """What must become of a member's answer for the next to be asked."""
        ...

    @property
    def moves_on(self) -> tuple[Reason, ...]:
        """What must become of a thread's owner for the thread to move to another member, where it may move."""
        ...

    @property
    def patience(self) -> float | None:
        """Seconds that each member but the last may take; None for an equal share of what is left."""
        ...

    def order(self, members: Sequence[Member], user: object) -> Sequence[Member]:
        """Return the members that are asked a user's new question, in this order."""
        ...

    def expect(self, members: Sequence[Member], user: object) -> Member | None:
        """Return the first of them, without deciding; None where that is drawn at random."""
        ...


@frozen
class Fallback:
    """All members in their order, each after the one before it could not answer."""

    fall_back_on: tuple[Reason, ...]
    patience: float | None = None
    name: str = field(default="fallback", init=False)

    @property
    def moves_on(self) -> tuple[Reason, ...]:
        """The same as for new questions."""
        return self.fall_back_on

    def order(self, members: Sequence[Member], user: object) -> Sequence[Member]:
        """Return all of them."""
        return members

    def expect(self, members: Sequence[Member], user: object) -> Member | None:
        """Return the first one."""
        return members[0]


@frozen
class Split:
    """One member for each user, by weight; without a user, one at random."""

    weights: Mapping[str, float]
    name: str = field(default="split", init=False)
    fall_back_on: tuple[Reason, ...] = field(default=(), init=False)
    moves_on: tuple[Reason, ...] = field(default=("unavailable", "rate_limited"), init=False)
    patience: float | None = field(default=None, init=False)

    def order(self, members: Sequence[Member], user: object) -> Sequence[Member]:
        """Return the one that answers."""
        expected = self.expect(members, user)
        if expected is not None:
            return (expected,)
        return random.choices(members, [self.weights[each.name] for each in members])  # noqa: S311

    def expect(self, members: Sequence[Member], user: object) -> Member | None:
        """Return the member of a user; None without one."""
        key = user_key(user)
        if key is None:
            return members[0] if len(members) == 1 else None
        chosen = choose_member({member.name: self.weights[member.name] for member in members}, key)
        return next(member for member in members if member.name == chosen)


@frozen
class Shadow:
    """The first member, the primary, answers."""

    name: str = field(default="shadow", init=False)
    fall_back_on: tuple[Reason, ...] = field(default=(), init=False)
    moves_on: tuple[Reason, ...] = field(default=(), init=False)
    patience: float | None = field(default=None, init=False)

    def order(self, members: Sequence[Member], user: object) -> Sequence[Member]:
        """Return the primary."""
        return members[:1]

    def expect(self, members: Sequence[Member], user: object) -> Member | None:
        """Return the primary."""
        return members[0]


def user_key(user: object) -> str | None:
    """Return what identifies a user: the id, or the first of the other ids; None where there is none."""
    if isinstance(user, Speaker):
        user = user.user
    if isinstance(user, User):
        user = next(iter(user.ids.values()), None)
    return user if isinstance(user, str) else None
