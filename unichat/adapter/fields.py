"""Reading a vendor's JSON, field by field: lenient about what is new, strict about what is required.

A required field that is missing or of the wrong type raises `InvalidResponse` with a JSON pointer to it. What is not
read stays in `raw`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import field

from unichat._text.printable import trimmed
from unichat.errors import InvalidResponse

T = TypeVar("T")


def unexpected_value(pointer: str, expected: str, found: object) -> InvalidResponse:
    """Return the error for a value at the JSON pointer `pointer` that is not what the vendor's reference shows."""
    problem = "is missing" if found is _MISSING else f"is {type(found).__name__}"
    if isinstance(found, int | float):
        # Any other value may hold what somebody asked, and errors end up in logs.
        problem += f" {trimmed(repr(found), 60)}"
    return InvalidResponse(
        f"the answer's {pointer or 'top level'} should be {expected}, but {problem}",
        hint="The vendor's API may have changed; the whole answer is not shown here for privacy.",
        kind="shape",
        pointer=pointer,
    )


_MISSING: Any = object()
_ID_LIMIT = 1_000
"""The longest id, in characters."""


class Fields:
    """One JSON object, read field by field; anything else raises `InvalidResponse`.

    The `require_…` methods raise `InvalidResponse` for a field that is missing or of the wrong type; the others return
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

    def _pointer_to(self, key: str) -> str:
        return f"{self.pointer}/{key}"

    def require_text(self, key: str) -> str:
        """Return the text under `key`; null counts as empty, since vendors redact that way."""
        value = self.raw.get(key, _MISSING)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise unexpected_value(self._pointer_to(key), "text", value)
        return value

    def require_id(self, key: str) -> str:
        """Return the id under `key` as text: vendors use both text and integers."""
        found = self.id(key)
        if found is None:
            raise unexpected_value(self._pointer_to(key), "an id (text or integer)", self.raw.get(key, _MISSING))
        return found

    def text(self, key: str) -> str | None:
        """Return the text under `key`, or None."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else None

    def id(self, key: str) -> str | None:
        """Return the id under `key` as text, or None."""
        value = self.raw.get(key)
        # By the exact type, since a boolean is an int too; JSON yields no other subclasses.
        if type(value) is str:
            text = value
        elif type(value) is int:
            text = str(value)
        else:
            return None
        # A longer one is not an id: no thread reference could hold it, and it could not be sent back.
        return text if 0 < len(text) <= _ID_LIMIT else None

    def boolean(self, key: str) -> bool | None:
        """Return the boolean under `key`, or None; 0 and 1 count, since one vendor uses them."""
        value = self.raw.get(key)
        if value is True or value is False or value is None:
            return value
        return bool(value) if isinstance(value, int) and value in (0, 1) else None

    def integer(self, key: str) -> int | None:
        """Return the integer under `key`, or None; an integer written as text counts."""
        value = self.raw.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def time(self, key: str) -> datetime | None:
        """Return the timezone-aware datetime under `key` (ISO 8601), or None; a time without an offset is UTC."""
        return parse_time(self.raw.get(key))

    def objects(self, key: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """Return what `read` returns for each object in the list under `key`; anything but a list counts as empty."""
        value = self.raw.get(key)
        if not isinstance(value, list) or not value:
            return ()
        pointer = self._pointer_to(key)
        return tuple([read(Fields(item, pointer, number)) for number, item in enumerate(value)])


def parse_time(value: object) -> datetime | None:
    """Return the time in `value` (ISO 8601 text; UTC if it has no offset), or None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_objects(value: object, read: Callable[[Fields], T], pointer: str = "") -> tuple[T, ...]:
    """Return what `read` returns for each object in the list `value`.

    Raises:
        InvalidResponse: `value` is not a list, or one of its items is not an object.
    """
    if not isinstance(value, list):
        raise unexpected_value(pointer, "a list", value)
    return tuple([read(Fields(item, pointer, number)) for number, item in enumerate(value)])


def raw_field() -> Any:
    """Return the attrs field `raw` of a model: the vendor's own JSON, which takes no part in comparison and repr."""
    return field(factory=dict, eq=False, repr=False, kw_only=True)
