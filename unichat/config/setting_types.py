"""The types that a setting can have: how each is described, and how it is parsed from text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from unichat._text.printable import format_value
from unichat.adapter import Secret

# Bounded: Python refuses to convert thousands of digits, and no setting needs more than these.
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DESCRIPTIONS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Return the types that `annotation` is a union of, without None; any other type is its own only member."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(member for member in get_args(annotation) if member is not NoneType)
    return (annotation,)


def is_mapping(annotation: Any) -> bool:
    """Return whether `annotation` is `Mapping[str, ...]`."""
    return get_origin(annotation) is Mapping and get_args(annotation)[0] is str


def is_sequence(annotation: Any) -> bool:
    """Return whether `annotation` is `tuple[..., ...]`: any number of values of one type."""
    return get_origin(annotation) is tuple and get_args(annotation)[1:] == (Ellipsis,)


def is_function(annotation: Any) -> bool:
    """Return whether `annotation` is a function's type, such as `TokenProvider`."""
    return get_origin(annotation) is Callable


def is_object(annotation: Any) -> bool:
    """Return whether `annotation` is a protocol, such as `TurnStore`: the setting can be an object of the caller's."""
    return isinstance(annotation, type) and getattr(annotation, "_is_protocol", False)


def is_keyword_only(annotation: Any) -> bool:
    """Return whether only Python can give a value of this type: a file or a URL cannot hold one."""
    return is_function(annotation) or is_object(annotation)


def matches_type(annotation: Any, value: object) -> bool:
    """Return whether a keyword's `value` is the function or object that `annotation` asks for."""
    if is_function(annotation):
        return callable(value)
    # Not a class: it has the methods as well, but not of an object.
    return is_object(annotation) and isinstance(value, annotation) and not isinstance(value, type)


def is_secret(annotation: Any) -> bool:
    """Return whether a setting of this type holds a secret."""
    return Secret in union_members(annotation)


def is_supported(annotation: Any) -> bool:
    """Return whether a setting can have this type: one that this package knows how to check, read and describe."""
    return all(
        member in _DESCRIPTIONS
        or member is Secret
        or is_keyword_only(member)
        or get_origin(member) is Literal
        or (is_mapping(member) and is_supported(get_args(member)[1]))
        or (is_sequence(member) and is_supported(get_args(member)[0]))
        for member in union_members(annotation)
    )


def describe_type(annotation: Any) -> str:
    """Return the words for a type in "should be …"."""
    return " or ".join(_describe_member(member) for member in union_members(annotation))


def _describe_member(annotation: Any) -> str:
    if annotation in _DESCRIPTIONS:
        return _DESCRIPTIONS[annotation]
    if annotation is Secret:
        return 'text or a reference such as {env = "NAME"}'
    if is_function(annotation):
        return "a function"
    if is_object(annotation):
        return f"an object with the methods of {annotation.__name__}"
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(format_value(option) for option in get_args(annotation))
    whole, value = ("a list", 0) if is_sequence(annotation) else ("a table", 1)
    return f"{whole} (each value {describe_type(get_args(annotation)[value])})"


def literal_options(annotation: Any) -> tuple[str, ...]:
    """Return the texts that a setting of this type can be one of; empty if it takes others as well."""
    return tuple(
        option
        for member in union_members(annotation)
        if get_origin(member) is Literal
        for option in get_args(member)
        if isinstance(option, str)
    )


def parse_text(annotation: Any, text: str) -> Any:
    """Return `text`, from a URL or the environment, as a value of this type.

    Text that cannot be parsed is returned as it is, and the type check then rejects it with the right message.
    """
    for member in union_members(annotation):
        value = _parse_member(member, text)
        if value is not text:
            return value
    return text


def _parse_member(annotation: Any, text: str) -> Any:
    if annotation is bool:
        return _BOOLEANS.get(text.lower(), text)
    if annotation is int and _INTEGER.fullmatch(text):
        return int(text)
    if annotation is float and _NUMBER.fullmatch(text):
        return float(text)
    if get_origin(annotation) is Literal:
        fitting = [option for option in get_args(annotation) if parse_text(type(option), text) == option]
        return fitting[0] if fitting else text
    return _parse_many(annotation, text)


def _parse_many(annotation: Any, text: str) -> Any:
    """Return a table or a list, from JSON, or with commas between its parts."""
    bracket = "{" if is_mapping(annotation) else "[" if is_sequence(annotation) else None
    if bracket is None:
        return text
    try:
        if text.startswith(bracket):
            return json.loads(text, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant)
        if bracket == "[":
            return [parse_text(get_args(annotation)[0], part.strip()) for part in text.split(",")]
        parts = [part.partition(":") for part in text.split(",")]
        if all(colon for _, colon, _ in parts):
            return _reject_duplicate_keys(
                (key.strip(), parse_text(get_args(annotation)[1], value.strip())) for key, _, value in parts
            )
    except (ValueError, RecursionError):
        pass
    return text


def _reject_duplicate_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(key)
        table[key] = value
    return table


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(constant)
