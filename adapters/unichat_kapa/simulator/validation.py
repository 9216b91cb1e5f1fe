"""Validation of request bodies, with the error bodies of Kapa's framework (Django REST framework)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from unichat.sandbox import find_unstorable

_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NON_FIELD_ERRORS = "non_field_errors"


class ValidationError(ValueError):
    """A value is not valid; `errors` is the framework's body: a list of messages, or an object of such lists."""

    def __init__(self, errors: object) -> None:
        super().__init__(errors)
        self.errors = errors


Check = Callable[[Any], Any]
"""Takes a value that is not null; returns the converted value, or raises `ValidationError`."""


@frozen
class Field:
    """One field of a schema. `default` is used if it is left out; null is not valid unless `nullable`."""

    check: Check
    required: bool = False
    nullable: bool = False
    default: Any = None


Schema = Mapping[str, Field]


def validate(schema: Schema, value: object) -> dict[str, Any]:
    """Return the fields of `value` that the schema has; unknown ones are ignored.

    Raises:
        ValidationError: `value` is not an object, or any of its fields is not valid; all of those are named.
    """
    if not isinstance(value, dict):
        raise ValidationError(
            {_NON_FIELD_ERRORS: [f"Invalid data. Expected a dictionary, but got {_type_name(value)}."]}
        )
    taken: dict[str, Any] = {}
    errors: dict[str, object] = {}
    for name, field in schema.items():
        try:
            taken[name] = _validate_field(field, value, name)
        except ValidationError as invalid:
            errors[name] = invalid.errors
    if errors:
        raise ValidationError(errors)
    return taken


def _validate_field(field: Field, value: Mapping[str, Any], name: str) -> object:
    if name not in value:
        if field.required:
            raise ValidationError(["This field is required."])
        return field.default
    if value[name] is None:
        if not field.nullable:
            raise ValidationError(["This field may not be null."])
        return None
    return field.check(value[name])


def text(*, longest: int | None = None, blank: bool = False) -> Check:
    """Accept text: not only white space unless `blank`, at most `longest` code points, and no unstorable character."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValidationError(["Not a valid string."])
        if (char := find_unstorable(value)) is not None:
            error = "Null" if char == "\0" else "Surrogate"
            raise ValidationError(
                [f"{error} characters are not allowed{'' if char == chr(0) else f': U+{ord(char):04X}'}."]
            )
        if not blank and not value.strip():
            raise ValidationError(["This field may not be blank."])
        if longest is not None and len(value) > longest:
            raise ValidationError([f"Ensure this field has no more than {longest} characters."])
        return value

    return check


def uuid(value: object) -> str:
    """Accept a UUID, with or without hyphens; return its canonical form."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValidationError(["Must be a valid UUID."])
    digits = value.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def choice(*accepted: str) -> Check:
    """Accept one of the `accepted` words, spelled exactly like this."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in accepted:
            raise ValidationError(
                [f'"{value if isinstance(value, str | int | float) else _type_name(value)}" is not a valid choice.']
            )
        return value

    return check


def boolean(value: object) -> bool:
    """Accept true and false, but not the words for them that the framework might accept."""
    if not isinstance(value, bool):
        raise ValidationError(["Must be a valid boolean."])
    return value


def positive(value: object) -> int:
    """Accept a whole number from 1 up; also if it is written as 10.0, since JSON does not distinguish the two."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValidationError(["A valid integer is required."])
    if value < 1:
        raise ValidationError(["Ensure this value is greater than or equal to 1."])
    return int(value)


def free_object(value: object) -> dict[str, Any]:
    """Accept any object."""
    if not isinstance(value, dict):
        raise ValidationError([f'Expected a dictionary of items but got type "{_type_name(value)}".'])
    return value


def fits_schema(schema: Schema) -> Check:
    """Accept an object that fits the schema."""
    return lambda value: validate(schema, value)


def each_item(check: Check, *, empty: bool = True) -> Check:
    """Accept a list of what `check` accepts; errors are listed by index, or for every row if the items are objects."""

    def check_list(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError([f'Expected a list of items but got type "{_type_name(value)}".'])
        if not value and not empty:
            raise ValidationError(["This list may not be empty."])
        taken, errors = _validate_items(check, value)
        if not errors:
            return taken
        if any(isinstance(error, dict) for error in errors.values()):
            raise ValidationError([errors.get(index, {}) for index in range(len(value))])
        raise ValidationError({str(index): error for index, error in errors.items()})

    return check_list


def _validate_items(check: Check, values: Sequence[object]) -> tuple[list[Any], dict[int, object]]:
    taken: list[Any] = []
    errors: dict[int, object] = {}
    for index, value in enumerate(values):
        try:
            taken.append(check(value))
        except ValidationError as invalid:
            errors[index] = invalid.errors
    return taken, errors


def _type_name(value: object) -> str:
    return "null" if value is None else type(value).__name__
