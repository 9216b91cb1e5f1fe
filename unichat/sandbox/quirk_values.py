"""Quirks of a simulator by their names: read, and set as their types allow."""

from __future__ import annotations

from difflib import get_close_matches
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import fields, has

from unichat._text.printable import format_value
from unichat.config.setting_types import describe_type, parse_text, union_members
from unichat.sandbox.errors import SandboxError
from unichat.sandbox.simulator import Simulator


def list_quirks(simulator: Simulator) -> dict[str, Any]:
    """Return the quirks of a simulator as they are, by name; empty if it has none."""
    quirks: Any = getattr(simulator, "quirks", None)
    return {item.name: getattr(quirks, item.name) for item in fields(type(quirks))} if has(type(quirks)) else {}


def set_quirk(simulator: Simulator, name: str, value: object) -> None:
    """Set a quirk of a simulator while it runs.

    Args:
        simulator: the simulator.
        name: the quirk's name, an attribute of its `quirks`.
        value: of the quirk's type, or the text of one; the text "none" is None where the quirk takes it.

    Raises:
        SandboxError: there is no such quirk, or it does not take the value.
    """
    names = list(list_quirks(simulator))
    if name not in names:
        nearest = get_close_matches(name, names, n=1)
        meant = f" (did you mean {nearest[0]}?)" if nearest else ""
        there_are = f"there are {', '.join(names)}" if names else "it has none"
        raise SandboxError(f"{simulator.name} has no quirk {format_value(name)}{meant}; {there_are}")
    quirks: Any = simulator.quirks  # type: ignore[attr-defined]
    annotation = get_type_hints(type(quirks))[name]
    takes_none = NoneType in getattr(annotation, "__args__", ())
    parsed = parse_text(annotation, value) if isinstance(value, str) else value
    if takes_none and (value is None or (isinstance(value, str) and value.lower() == "none" and parsed is value)):
        parsed = None
    elif not any(_fits(member, parsed) for member in union_members(annotation)):
        wanted = f"{describe_type(annotation)}{' or none' if takes_none else ''}"
        raise SandboxError(f"the quirk {simulator.name}.{name} is {format_value(value)}, but should be {wanted}")
    setattr(quirks, name, parsed)


def _fits(annotation: Any, value: object) -> bool:
    if get_origin(annotation) is Literal:
        return any(type(option) is type(value) and option == value for option in get_args(annotation))
    if annotation is float:
        return type(value) in (int, float)
    # By the exact type, since a boolean is an int too.
    return type(value) is annotation
