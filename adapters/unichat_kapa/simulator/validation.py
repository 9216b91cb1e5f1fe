"""Validation of request bodies, with the error bodies of Kapa's framework (Django REST framework)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard
from uuid import UUID

from attrs import frozen

from unichat.sandbox import find_unstorable

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
    if value is None:
        raise ValidationError({_NON_FIELD_ERRORS: ["No data provided"]})
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
    """Accept text and numbers, without the white space around them: not only that unless `blank`, at most `longest`
    code points, and no unstorable character.
    """

    def check(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError(["Not a valid string."])
        taken = str(value).strip()
        if not taken and not blank:
            raise ValidationError(["This field may not be blank."])
        errors = []
        if longest is not None and len(taken) > longest:
            errors.append(f"Ensure this field has no more than {longest} characters.")
        char = find_unstorable(taken)
        if char is not None:
            what = "Null characters are not allowed." if char == "\0" else _SURROGATE.format(ord(char))
            errors.append(what)
        if errors:
            raise ValidationError(errors)
        return taken

    return check


_SURROGATE = "Surrogate characters are not allowed: U+{:X}."


def uuid(value: object) -> str:
    """Accept a UUID in any of its forms, a number among them; return its canonical one."""
    try:
        if isinstance(value, int):
            return str(UUID(int=value))
        if isinstance(value, str):
            return str(UUID(hex=value))
    except ValueError:
        pass
    raise ValidationError(["Must be a valid UUID."])


def choice(*accepted: str) -> Check:
    """Accept one of the `accepted` words, spelled exactly like this."""

    def check(value: object) -> str:
        if value not in accepted:
            raise ValidationError([f'"{value}" is not a valid choice.'])
        return str(value)

    return check


_TRUE = frozenset({"t", "y", "yes", "true", "on", "1"})
_FALSE = frozenset({"f", "n", "no", "false", "off", "0"})


def boolean(value: object) -> bool:
    """Accept true and false, 1 and 0, and the usual words for them, in upper or lower case."""
    word = value.lower() if isinstance(value, str) else str(int(value)) if _is_bit(value) else ""
    if word not in _TRUE | _FALSE:
        raise ValidationError(["Must be a valid boolean."])
    return word in _TRUE


def _is_bit(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and value in (0, 1)


def positive(value: object) -> int:
    """Accept a whole number from 1 up; also as text, and with a fraction of zeros."""
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        raise ValidationError(["String value too large."])
    try:
        number = int(_ZEROS.sub("", str(value)))
    except ValueError:
        raise ValidationError(["A valid integer is required."]) from None
    if number < 1:
        raise ValidationError(["Ensure this value is greater than or equal to 1."])
    return number


_LONGEST_NUMBER = 1000
_ZEROS = re.compile(r"\.0*\s*$")


def free_object(value: object) -> dict[str, Any]:
    """Accept any object."""
    if not isinstance(value, dict):
        raise ValidationError([f'Expected a dictionary of items but got type "{_type_name(value)}".'])
    return value


def fits_schema(schema: Schema) -> Check:
    """Accept an object that fits the schema."""
    return lambda value: validate(schema, value)


def each_item(check: Check) -> Check:
    """Accept a list of what `check` accepts; errors are listed by the number of the item."""

    def check_list(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError([f'Expected a list of items but got type "{_type_name(value)}".'])
        taken: list[Any] = []
        errors: dict[str, object] = {}
        for number, item in enumerate(value):
            try:
                if item is None:
                    raise ValidationError(["This field may not be null."])
                taken.append(check(item))
            except ValidationError as invalid:
                errors[str(number)] = invalid.errors
        if errors:
            raise ValidationError(errors)
        return taken

    return check_list


def each_fits_schema(schema: Schema) -> Check:
    """Accept a list of objects that fit the schema, but not an empty one."""
    check_list = each_item(fits_schema(schema))

    def check(value: object) -> list[Any]:
        if value == []:
            raise ValidationError({_NON_FIELD_ERRORS: ["This list may not be empty."]})
        try:
            return list(check_list(value))
        except ValidationError as invalid:
            errors = invalid.errors
            raise ValidationError({_NON_FIELD_ERRORS: errors} if isinstance(errors, list) else errors) from None

    return check


def _type_name(value: object) -> str:
    return "null" if value is None else type(value).__name__
