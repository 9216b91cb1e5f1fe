"""The members of a route, as a profile names them: in `fallback`, `split` or `shadow`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.config.problems import Problem, problem_from_error, unknown_name
from unichat.errors import ConfigError
from unichat.routing.settings import check_weight

_SIDES = ("primary", "other")
_EXAMPLES = {
    "fallback": '["kapa", "kadal"]',
    "split": "{kapa = 70, kadal = 30}",
    "shadow": '{primary = "kapa", other = "kadal"}',
}


@frozen
class Members:
    """The names of a route's members, in order, as far as they are names.

    Attributes:
        names: each once; the first of a shadow is its primary.
        weights: those of a split, by name; of the other kinds, none.
    """

    names: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(factory=dict)


def read_members(kind: str, value: object, location: str) -> tuple[Members, list[Problem]]:
    """Return the members that a route's profile names, and every mistake in how it names them.

    Args:
        kind: `fallback`, `split` or `shadow`.
        value: what the profile has under this key.
        location: the file and the profile, for messages.
    """
    return _READERS[kind](value, location)


def _read_fallback(value: object, location: str) -> tuple[Members, list[Problem]]:
    if not isinstance(value, list):
        return Members(), [_wrong_type("fallback", value, "a list of profiles", location)]
    problems = [_wrong_name("fallback", each, location) for each in value if not _is_name(each)]
    names = [each for each in value if _is_name(each)]
    problems += _check_names("fallback", names, location, complete=not problems)
    return Members(tuple(dict.fromkeys(names))), problems


def _read_split(value: object, location: str) -> tuple[Members, list[Problem]]:
    if not isinstance(value, dict):
        return Members(), [_wrong_type("split", value, "a table of profiles with their weights", location)]
    problems = _check_names("split", tuple(value), location)
    for name, weight in value.items():
        try:
            check_weight(f"split.{name}", weight)
        except ConfigError as error:
            problems.append(problem_from_error(error, location))
    return Members(tuple(value), value), problems


def _read_shadow(value: object, location: str) -> tuple[Members, list[Problem]]:
    if not isinstance(value, dict):
        return Members(), [_wrong_type("shadow", value, "a table of two profiles", location)]
    problems = [unknown_name("key", key, _SIDES, location=f"{location}, shadow") for key in value if key not in _SIDES]
    given = [(side, value[side]) for side in _SIDES if side in value]
    problems += [
        Problem(f"shadow.{side} is missing", location=location, hint=_example("shadow"), key=f"shadow.{side}")
        for side in _SIDES
        if side not in value
    ]
    problems += [_wrong_name(f"shadow.{side}", each, location) for side, each in given if not _is_name(each)]
    names = [each for _, each in given if _is_name(each)]
    problems += _check_names("shadow", names, location, complete=False)
    return Members(tuple(dict.fromkeys(names))), problems


def _check_names(kind: str, names: Iterable[str], location: str, *, complete: bool = True) -> list[Problem]:
    """Return what is wrong with the names together: there is none (unless some are missing), or one is there twice.

    A table of TOML cannot have a key twice.
    """
    names = list(names)
    problems = [
        Problem(f"{kind} has {format_value(name)} twice", location=location, key=kind, hint="Name each member once.")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if complete and not names:
        # One is enough: with carry_over, threads of members that have left go on there.
        problems.append(Problem(f"{kind} is empty", location=location, key=kind, hint=_example(kind)))
    return problems


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _wrong_type(kind: str, value: object, wanted: str, location: str) -> Problem:
    return Problem(
        f"{kind} is {format_value(value)}, but should be {wanted}", location=location, key=kind, hint=_example(kind)
    )


def _wrong_name(key: str, value: object, location: str) -> Problem:
    return Problem(
        f"{key} has {format_value(value)}, but should have the names of profiles",
        location=location,
        key=key,
        hint=_example(key.partition(".")[0]),
    )


def _example(kind: str) -> str:
    return f"Such as {kind} = {_EXAMPLES[kind]}."


_READERS: Mapping[str, Callable[[Any, str], tuple[Members, list[Problem]]]] = {
    "fallback": _read_fallback,
    "split": _read_split,
    "shadow": _read_shadow,
}
