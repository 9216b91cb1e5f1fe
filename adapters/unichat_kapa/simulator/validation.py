"""Checking request bodies, with the error bodies of Kapa's framework (Django REST framework)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from unichat.sandbox import find_unstorable

_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_OF_FORM = "non_field_errors"


class Invalid(ValueError):
    """A value is not accepted; `errors` is what the framework says: a list of messages, or an object of such lists."""

    def __init__(self, errors: object) -> None:
        super().__init__(errors)
        self.errors = errors


Check = Callable[[Any], Any]
"""Takes a value that is not null; returns it as it is used, or raises `Invalid`."""


@frozen
class Field:
    """One field of a form. `default` is taken where it is left out; null is refused unless `nullable`."""

    check: Check
    required: bool = False
    nullable: bool = False
    default: Any = None


Form = Mapping[str, Field]


def cleaned(form: Form, value: object) -> dict[str, Any]:
    """Return the fields of `value` that the form knows, checked; those it does not know are ignored.

    Raises:
        Invalid: `value` is no object, or any of its fields is not accepted: all of them are named.
    """
    if not isinstance(value, dict):
        raise Invalid({_OF_FORM: [f"Invalid data. Expected a dictionary, but got {_kind(value)}."]})
    taken: dict[str, Any] = {}
    errors: dict[str, object] = {}
    for name, field in form.items():
        try:
            taken[name] = _taken(field, value, name)
        except Invalid as invalid:
            errors[name] = invalid.errors
    if errors:
        raise Invalid(errors)
    return taken


def _taken(field: Field, value: Mapping[str, Any], name: str) -> object:
    if name not in value:
        if field.required:
            raise Invalid(["This field is required."])
        return field.default
    if value[name] is None:
        if not field.nullable:
            raise Invalid(["This field may not be null."])
        return None
    return field.check(value[name])


def text(*, longest: int | None = None, blank: bool = False) -> Check:
    """Accept text: not only white space unless `blank`, at most `longest` code points, nothing find_unstorable."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Invalid(["Not a valid string."])
        if (char := find_unstorable(value)) is not None:
            refused = "Null" if char == "\0" else "Surrogate"
            raise Invalid([f"{refused} characters are not allowed{'' if char == chr(0) else f': U+{ord(char):04X}'}."])
        if not blank and not value.strip():
            raise Invalid(["This field may not be blank."])
        if longest is not None and len(value) > longest:
            raise Invalid([f"Ensure this field has no more than {longest} characters."])
        return value

    return check


def uuid(value: object) -> str:
    """Accept a UUID, with or without hyphens; return its usual form."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Invalid(["Must be a valid UUID."])
    digits = value.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def choice(*accepted: str) -> Check:
    """Accept one of some words, in exactly that spelling."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in accepted:
            raise Invalid(
                [f'"{value if isinstance(value, str | int | float) else _kind(value)}" is not a valid choice.']
            )
        return value

    return check


def boolean(value: object) -> bool:
    """Accept true and false, and none of the words for them that the framework might."""
    if not isinstance(value, bool):
        raise Invalid(["Must be a valid boolean."])
    return value


def positive(value: object) -> int:
    """Accept a whole number from 1 up; one written as 10.0 too, since JSON does not tell them apart."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise Invalid(["A valid integer is required."])
    if value < 1:
        raise Invalid(["Ensure this value is greater than or equal to 1."])
    return int(value)


def free_object(value: object) -> dict[str, Any]:
    """Accept any object."""
    if not isinstance(value, dict):
        raise Invalid([f'Expected a dictionary of items but got type "{_kind(value)}".'])
    return value


def nested(form: Form) -> Check:
    """Accept an object that the form accepts."""
    return lambda value: cleaned(form, value)


def list_of(check: Check, *, empty: bool = True) -> Check:
    """Accept a list of what `check` accepts; errors are named by place, or by row where the items are objects."""

    def check_list(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise Invalid([f'Expected a list of items but got type "{_kind(value)}".'])
        if not value and not empty:
            raise Invalid(["This list may not be empty."])
        taken, errors = _each(check, value)
        if not errors:
            return taken
        if any(isinstance(error, dict) for error in errors.values()):
            raise Invalid([errors.get(place, {}) for place in range(len(value))])
        raise Invalid({str(place): error for place, error in errors.items()})

    return check_list


def _each(check: Check, values: Sequence[object]) -> tuple[list[Any], dict[int, object]]:
    taken: list[Any] = []
    errors: dict[int, object] = {}
    for place, value in enumerate(values):
        try:
            taken.append(check(value))
        except Invalid as invalid:
            errors[place] = invalid.errors
    return taken, errors


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
