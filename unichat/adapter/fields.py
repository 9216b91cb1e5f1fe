"""Reading a vendor's JSON, one object at a time: lenient about what is new, strict about what is required.

A required member that is missing or of the wrong type raises `InvalidResponse` with a JSON pointer to it. What is not
read stays in `raw`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from attrs import field

from unichat.adapter.readers import (
    MISSING,
    as_boolean,
    as_id,
    as_integer,
    as_text,
    as_time,
    unexpected_value,
)

T = TypeVar("T")


def find_member(raw: dict[str, Any], key: str) -> Any:
    """Return the member of `raw` under `key`, or under a JSON pointer such as "/choices/0/text"; MISSING if none."""
    if key[0] != "/":
        return raw.get(key, MISSING)
    value: Any = raw
    for part in key[1:].split("/"):
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


class Fields:
    """One JSON object, read member by member; anything else raises `InvalidResponse`.

    A `key` is the member's name, or a JSON pointer to a member further within, such as `/choices/0/text`. The
    `require_…` methods raise `InvalidResponse` for a member that is missing or of the wrong type; the others return
    None for it.
    """

    __slots__ = ("_number", "_pointer", "raw")

    def __init__(self, raw: object, pointer: str = "", number: int | None = None) -> None:
        """Read `raw`, which is the value at `pointer`, or the item of that `number` (from 0) in the list there."""
        self._pointer, self._number = pointer, number
        if not isinstance(raw, dict):
            raise unexpected_value(self.pointer, "an object", raw)
        self.raw: dict[str, Any] = raw

    @property
    def pointer(self) -> str:
        """The JSON pointer to this object. Made only when it is needed: a list has many rows and few errors."""
        return self._pointer if self._number is None else f"{self._pointer}/{self._number}"

    def pointer_to(self, key: str) -> str:
        """Return the JSON pointer to a member."""
        return self.pointer + (key if key.startswith("/") else f"/{key}")

    def require_text(self, key: str) -> str:
        """Return the text under `key`; null counts as empty, since vendors redact that way."""
        return as_text.require(find_member(self.raw, key), self.pointer_to(key))

    def require_id(self, key: str) -> str:
        """Return the id under `key` as text: vendors use both text and integers."""
        return as_id.require(find_member(self.raw, key), self.pointer_to(key))

    def text(self, key: str) -> str | None:
        """Return the text under `key`, or None."""
        return as_text.read(find_member(self.raw, key), None)

    def id(self, key: str) -> str | None:
        """Return the id under `key` as text, or None."""
        return as_id.read(find_member(self.raw, key), None)

    def boolean(self, key: str) -> bool | None:
        """Return the boolean under `key`, or None; 0 and 1 count, since one vendor uses them."""
        return as_boolean.read(find_member(self.raw, key), None)

    def integer(self, key: str) -> int | None:
        """Return the integer under `key`, or None; an integer written as text counts."""
        return as_integer.read(find_member(self.raw, key), None)

    def time(self, key: str) -> datetime | None:
        """Return the timezone-aware datetime under `key` (ISO 8601), or None; a time without an offset is UTC."""
        return as_time.read(find_member(self.raw, key), None)

    def objects(self, key: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """Return what `read` returns for each object in the list under `key`; anything but a list counts as empty."""
        value = find_member(self.raw, key)
        if not isinstance(value, list) or not value:
            return ()
        return read_rows(value, read, self.pointer_to(key))


def read_rows(rows: list[Any], read: Callable[[Fields], T], pointer: str) -> tuple[T, ...]:
    """Return what `read` returns for each object in the list at `pointer`."""
    return tuple([read(Fields(row, pointer, number)) for number, row in enumerate(rows)])


CALL = "unichat.call"
"""In the metadata of the attribute that holds the record of the call."""


def call_field() -> Any:
    """Return the attrs field `call` of a model: the record of the call that it is the result of, if it is one."""
    return field(default=None, eq=False, repr=False, kw_only=True, metadata={CALL: True})


def raw_field() -> Any:
    """Return the attrs field `raw` of a model: the vendor's own JSON, which takes no part in comparison and repr."""
    return field(factory=dict, eq=False, repr=False, kw_only=True)
