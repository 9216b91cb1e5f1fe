"""What a route can do: what every member can, given all that any member needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import fields

from unichat.adapter import Capabilities

_NEEDS = ("needs_user", "feedback_needs_user")
"""Those that ask something of the caller: one member that needs it is enough."""

_CALLS = {"feedback": "feedback", "history": "history", "clear_history": "clear_history"}
"""The calls that not every vendor has, and the capability that says so."""


def merge_capabilities(members: Sequence[Capabilities]) -> Capabilities:
    """Return the capabilities of a route over members with these."""
    merged: dict[str, Any] = {}
    for item in fields(Capabilities):
        values = [getattr(member, item.name) for member in members]
        if item.name == "options":
            merged[item.name] = _merge_options(members)
        elif item.name == "question_limit":
            merged[item.name] = min((limit for limit in values if limit is not None), default=None)
        else:
            merged[item.name] = any(values) if item.name in _NEEDS else all(values)
    return Capabilities(**merged)


def _merge_options(members: Iterable[Capabilities]) -> Mapping[str, tuple[str, ...]]:
    """Return the arguments, by call, that all members take which have the call at all."""
    members = tuple(members)
    calls = dict.fromkeys(call for member in members for call in member.options)
    merged = {}
    for call in calls:
        known = [member.options.get(call, ()) for member in members if getattr(member, _CALLS.get(call, ""), True)]
        merged[call] = tuple(name for name in known[0] if all(name in others for others in known)) if known else ()
    return merged
