"""Validation of parameters and bodies, with the 422 of Kadal's framework: an older FastAPI, with pydantic 1.

It converts what it can, as the framework does: a number where text is wanted, text where a number is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal
from uuid import UUID

from attrs import frozen

from unichat.sandbox import find_unstorable

LARGEST = 2**63 - 1
_TRUE = frozenset({1, "1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({0, "0", "off", "f", "false", "n", "no"})
MISSING = ("value_error.missing", "field required")


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
        try:
            if value is not None:
                taken[name] = field.check(value)
            elif field.required and name in values:
                raise ValidationError("type_error.none.not_allowed", "none is not an allowed value")
            elif field.required:
                raise ValidationError(*MISSING)
        except ValidationError as error:
            errors.append(error_item([where, name], error.kind, error.message, error.context))
    return taken, errors


def error_item(
    loc: list[str | int], kind: str, message: str, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return one item of a 422's `detail`."""
    item = {"loc": loc, "msg": message, "type": kind}
    return item if context is None else {**item, "ctx": context}


def string(value: object) -> str:
    """Accept text, even empty text, and numbers, but no text that a database would reject."""
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValidationError("type_error.str", "str type expected")
    char = find_unstorable(value)
    if char is not None:
        what = "null characters" if char == "\0" else "surrogates"
        raise ValidationError("value_error", f"{what} are not allowed")
    return value


def integer(*, least: int = -LARGEST - 1, most: int = LARGEST) -> Check:
    """Accept a whole number from `least` to `most`; also as text or as true, and a fraction for its whole part."""

    def check(value: object) -> int:
        number = _integer(value)
        if number < least:
            message = f"ensure this value is greater than or equal to {least}"
            raise ValidationError("value_error.number.not_ge", message, {"limit_value": least})
        if number > most:
            message = f"ensure this value is less than or equal to {most}"
            raise ValidationError("value_error.number.not_le", message, {"limit_value": most})
        return number

    return check


def _integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValidationError("type_error.integer", "value is not a valid integer") from None


def boolean(value: object) -> bool:
    """Accept true and false, 1 and 0, and the usual words for them, in upper or lower case."""
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, str | int | float) and (word in _TRUE or word in _FALSE):
        return word in _TRUE
    raise ValidationError("type_error.bool", "value could not be parsed to a boolean")


def order(value: object) -> str:
    """Accept `asc` or `desc`, in lower case only."""
    if value == "asc" or value == "desc":
        return str(value)
    message = "value is not a valid enumeration member; permitted: 'asc', 'desc'"
    raise ValidationError("type_error.enum", message, {"enum_values": ["asc", "desc"]})


def uuid(value: object) -> str:
    """Accept a UUID in any of its forms; return its canonical one."""
    try:
        return str(UUID(string(value)))
    except ValueError:
        raise ValidationError("type_error.uuid", "value is not a valid uuid") from None


def free_object(value: Any) -> dict[str, Any]:
    """Accept any object, and a list of pairs of keys and values, such as an empty one."""
    try:
        return {string(key): item for key, item in dict(value).items()}
    except (TypeError, ValueError):
        raise ValidationError("type_error.dict", "value is not a valid dict") from None
