"""The types that a setting can have: how each is described, and how it is read from text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from unichat._text.printable import quoted
from unichat.adapter import Secret

# Bounded: Python refuses to convert thousands of digits, and no setting needs more than these.
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def members(kind: Any) -> tuple[Any, ...]:
    """Return the types that `kind` is a union of, without None; a type that is no union is its only member."""
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for member in get_args(kind) if member is not NoneType)
    return (kind,)


def is_mapping(kind: Any) -> bool:
    """Tell whether `kind` is `Mapping[str, ...]`."""
    return get_origin(kind) is Mapping and get_args(kind)[0] is str


def is_function(kind: Any) -> bool:
    """Tell whether `kind` is a function's type, such as `TokenProvider`."""
    return get_origin(kind) is Callable


def is_secret(kind: Any) -> bool:
    """Tell whether a setting of this type holds a secret."""
    return Secret in members(kind)


def is_known(kind: Any) -> bool:
    """Tell whether a setting can have this type: one that this package knows how to check, read and describe."""
    return all(
        member in _PLAIN
        or member is Secret
        or is_function(member)
        or get_origin(member) is Literal
        or (is_mapping(member) and is_known(get_args(member)[1]))
        for member in members(kind)
    )


def described(kind: Any) -> str:
    """Return what a setting of this type takes, as in "should be ..."."""
    return " or ".join(_described(member) for member in members(kind))


def _described(kind: Any) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is Secret:
        return 'text or a reference such as {env = "NAME"}'
    if is_function(kind):
        return "a function"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(quoted(option) for option in get_args(kind))
    return f"a table (each value {described(get_args(kind)[1])})"


def options(kind: Any) -> tuple[str, ...]:
    """Return the texts that a setting of this type can be one of; empty if it takes others as well."""
    return tuple(
        option
        for member in members(kind)
        if get_origin(member) is Literal
        for option in get_args(member)
        if isinstance(option, str)
    )


def from_text(kind: Any, text: str) -> Any:
    """Return the value that `text`, from a URL or the environment, stands for in a setting of this type.

    Text that stands for none comes back as it is, for the check of the type to refuse: it knows what to say.
    """
    for member in members(kind):
        value = _from_text(member, text)
        if value is not text:
            return value
    return text


def _from_text(kind: Any, text: str) -> Any:
    if kind is bool:
        return _TRUTH.get(text.lower(), text)
    if kind is int and _WHOLE.fullmatch(text):
        return int(text)
    if kind is float and _NUMBER.fullmatch(text):
        return float(text)
    if get_origin(kind) is Literal:
        fitting = [option for option in get_args(kind) if from_text(type(option), text) == option]
        return fitting[0] if fitting else text
    if is_mapping(kind):
        return _mapping_from_text(get_args(kind)[1], text)
    return text


def _mapping_from_text(kind: Any, text: str) -> Any:
    try:
        if text.startswith("{"):
            return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse)
        parts = [part.partition(":") for part in text.split(",")]
        if all(colon for _, colon, _ in parts):
            return _without_repeats((key.strip(), from_text(kind, value.strip())) for key, _, value in parts)
    except (ValueError, RecursionError):
        pass
    return text


def _without_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(key)
        table[key] = value
    return table


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
