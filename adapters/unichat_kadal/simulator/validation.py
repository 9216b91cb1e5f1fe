"""Validation of parameters and bodies, with the 422 of Kadal's framework (FastAPI with pydantic 2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from unichat.sandbox import find_unstorable

LARGEST = 2**63 - 1
_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_INTEGER = re.compile(r"\s*[+-]?\d{1,4300}(\.0+)?\s*", re.ASCII)


class ValidationError(ValueError):
    """A value is not valid: pydantic's type of the error, its message, its context."""

    def __init__(self, kind: str, message: str, context: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.context = context


Check = Callable[[Any], Any]
"""Takes a value from JSON, or text from a query; returns the converted value, or raises `ValidationError`."""
Errors = list[dict[str, Any]]


@frozen
class Field:
    """A parameter; unless `required`, it is None if it is left out or null."""

    check: Check
    required: bool = False


Fields = Mapping[str, Field]


def validate(
    where: Literal["query", "body"], values: Mapping[str, Any], fields: Fields
) -> tuple[dict[str, Any], Errors]:
    """Return the known fields of `values`, and the errors; unknown ones are ignored, as in the framework."""
    taken: dict[str, Any] = dict.fromkeys(fields)
    errors: Errors = []
    for name, field in fields.items():
        value = values.get(name)
        if name not in values and field.required:
            errors.append(error_item([where, name], "missing", "Field required", None if where == "query" else values))
        elif value is not None or field.required:
            try:
                taken[name] = field.check(value)
            except ValidationError as error:
                errors.append(error_item([where, name], error.kind, error.message, value, error.context))
    return taken, errors


def error_item(
    loc: list[str | int], kind: str, message: str, value: object, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return one item of a 422's `detail`."""
    item = {"type": kind, "loc": loc, "msg": message, "input": value}
    return item if context is None else {**item, "ctx": context}


def string(value: object) -> str:
    """Accept text, even empty text, but none that a database would reject."""
    if not isinstance(value, str):
        raise ValidationError("string_type", "Input should be a valid string")
    char = find_unstorable(value)
    if char == "\0":
        raise ValidationError("value_error", "Value error, null characters are not allowed")
    if char is not None:
        raise ValidationError(
            "string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string"
        )
    return value


def integer(*, least: int = -LARGEST - 1, most: int = LARGEST) -> Check:
    """Accept a whole number from `least` to `most`; also as text, as 1.0, and as true or false."""

    def check(value: object) -> int:
        number = _integer(value)
        if number < least:
            raise ValidationError(
                "greater_than_equal", f"Input should be greater than or equal to {least}", {"ge": least}
            )
        if number > most:
            raise ValidationError("less_than_equal", f"Input should be less than or equal to {most}", {"le": most})
        return number

    return check


def _integer(value: object) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value.is_integer():
            return int(value)
        raise ValidationError("int_from_float", "Input should be a valid integer, got a number with a fractional part")
    if not isinstance(value, str):
        raise ValidationError("int_type", "Input should be a valid integer")
    if not _INTEGER.fullmatch(value):
        raise ValidationError("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
    return int(value.partition(".")[0])


def boolean(value: object) -> bool:
    """Accept true and false, 1 and 0, and the usual words for them, in upper or lower case."""
    word = str(value).lower() if isinstance(value, bool | str) else str(int(value)) if value in (0, 1) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if isinstance(value, str | int | float):
        raise ValidationError("bool_parsing", "Input should be a valid boolean, unable to interpret input")
    raise ValidationError("bool_type", "Input should be a valid boolean")


def order(value: object) -> str:
    """Accept `asc` or `desc`, in lower case only."""
    if value == "asc" or value == "desc":
        return str(value)
    raise ValidationError("enum", "Input should be 'asc' or 'desc'", {"expected": "'asc' or 'desc'"})


def uuid(value: object) -> str:
    """Accept a UUID; return its canonical form."""
    text = string(value)
    if not _UUID.fullmatch(text):
        reason = {"error": "invalid UUID"}
        raise ValidationError("uuid_parsing", "Input should be a valid UUID, invalid UUID", reason)
    digits = text.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def free_object(value: object) -> dict[str, Any]:
    """Accept any object."""
    if not isinstance(value, dict):
        raise ValidationError("dict_type", "Input should be a valid dictionary")
    return value
