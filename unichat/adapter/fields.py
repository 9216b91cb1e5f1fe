"""Reads a vendor's JSON, field by field: lenient about what is new, exact about what is needed.

A field that is missing or of the wrong kind raises `InvalidResponse` with a JSON pointer to it; fields that nobody asks
for are left alone (they stay in `raw`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from unichat._text.printable import trimmed
from unichat.errors import InvalidResponse

T = TypeVar("T")


def mismatch(pointer: str, expected: str, found: object) -> InvalidResponse:
    """Return the error for a value at `pointer` that is not what the vendor's reference shows."""
    what = "is missing" if found is _MISSING else f"is {type(found).__name__}"
    if isinstance(found, int | float):
        # Anything else may hold what somebody asked, and errors end up in logs.
        what += f" {trimmed(repr(found), 60)}"
    return InvalidResponse(
        f"the answer's {pointer or 'top level'} should be {expected}, but {what}",
        hint="The vendor's API may have changed; the whole answer is not shown here for privacy.",
        kind="shape",
        pointer=pointer,
    )


_MISSING: Any = object()
_ID_LIMIT = 1_000
"""Characters that an id may have."""


class Fields:
    """One JSON object. `Fields(value)` refuses anything else.

    The `need_…` readers raise `InvalidResponse` for a missing, null or wrong value; the plain ones return None for
    missing or null, and for a wrong kind of value as well where a wrong kind does no harm.
    """

    __slots__ = ("_number", "_pointer", "raw")

    def __init__(self, raw: object, pointer: str = "", number: int | None = None) -> None:
        """Read `raw`, which stands at `pointer`, or is the item of that `number` (from 0) in the list there."""
        self._pointer, self._number = pointer, number
        if not isinstance(raw, dict):
            raise mismatch(self.pointer, "an object", raw)
        self.raw: dict[str, Any] = raw

    @property
    def pointer(self) -> str:
        """Where it stands. Put together only when asked for: a list has many rows, and few mistakes."""
        return self._pointer if self._number is None else f"{self._pointer}/{self._number}"

    def _at(self, key: str) -> str:
        return f"{self.pointer}/{key}"

    def need_text(self, key: str) -> str:
        """Return the text under `key`; null counts as empty, since vendors redact so."""
        value = self.raw.get(key, _MISSING)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise mismatch(self._at(key), "text", value)
        return value

    def need_id(self, key: str) -> str:
        """Return the id under `key` as text: vendors use both text and integers."""
        found = self.identifier(key)
        if found is None:
            raise mismatch(self._at(key), "an id (text or integer)", self.raw.get(key, _MISSING))
        return found

    def text(self, key: str) -> str | None:
        """Return the text under `key`, or None."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else None

    def identifier(self, key: str) -> str | None:
        """Return the id under `key` as text, or None."""
        value = self.raw.get(key)
        # By the exact type, since a truth is an int as well; JSON has no other kinds of either.
        if type(value) is str:
            text = value
        elif type(value) is int:
            text = str(value)
        else:
            return None
        # What is longer is no id: no thread reference could hold it, and nobody could send it back.
        return text if 0 < len(text) <= _ID_LIMIT else None

    def boolean(self, key: str) -> bool | None:
        """Return the truth under `key`, or None. 0 and 1 count: one vendor uses them."""
        value = self.raw.get(key)
        if value is True or value is False or value is None:
            return value
        return bool(value) if isinstance(value, int) and value in (0, 1) else None

    def integer(self, key: str) -> int | None:
        """Return the integer under `key`, or None; integers written as text count."""
        value = self.raw.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def time(self, key: str) -> datetime | None:
        """Return the aware time under `key` (ISO 8601), or None; a time without an offset is UTC."""
        return read_time(self.raw.get(key))

    def each(self, key: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """Return what `read` makes of every object in the list under `key`; no list, or null, is an empty one."""
        value = self.raw.get(key)
        if not isinstance(value, list) or not value:
            return ()
        at = self._at(key)
        return tuple([read(Fields(item, at, number)) for number, item in enumerate(value)])


def read_time(value: object) -> datetime | None:
    """Return the aware time that `value` (ISO 8601 text) stands for, or None."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def read_rows(value: object, read: Callable[[Fields], T], pointer: str = "") -> tuple[T, ...]:
    """Return what `read` makes of every object in the list `value`.

    Raises:
        InvalidResponse: `value` is no list, or holds something that is no object.
    """
    if not isinstance(value, list):
        raise mismatch(pointer, "a list", value)
    return tuple([read(Fields(item, pointer, number)) for number, item in enumerate(value)])
