"""Readers of one JSON value: lenient about what is new or redacted, strict about what is required."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from unichat._text.printable import shorten
from unichat.errors import InvalidResponse

T = TypeVar("T")

MISSING: Any = object()
"""The value of a member that the object does not have."""
_ID_LIMIT = 1_000
"""The longest id, in characters."""


def unexpected_value(pointer: str, expected: str, found: object) -> InvalidResponse:
    """Return the error for a value at the JSON pointer `pointer` that is not what the vendor's reference shows."""
    problem = "is missing" if found is MISSING else f"is {type(found).__name__}"
    if isinstance(found, int | float):
        # Any other value may hold what somebody asked, and errors end up in logs.
        problem += f" {shorten(repr(found), 60)}"
    return InvalidResponse(
        f"the answer's {pointer or 'top level'} should be {expected}, but {problem}",
        hint="The vendor's API may have changed; the whole answer is not shown here for privacy.",
        kind="shape",
        pointer=pointer,
    )


@frozen
class Reader(Generic[T]):
    """How a value is read.

    Attributes:
        read: returns what the value means, or None if it means nothing of this kind; never raises. As cattrs calls it,
            with the value and, of no use here, its type.
        expected: what it should be, in the words of an error.
        null: what null counts as where the value is required; None if it is an error there, too.
    """

    read: Callable[[Any, Any], T | None]
    expected: str
    null: T | None = field(default=None, kw_only=True)

    def require(self, value: object, pointer: str) -> T:
        """Return what the value means.

        Raises:
            InvalidResponse: it means nothing of this kind, or is missing; with `pointer`.
        """
        found = self.null if value is None else self.read(value, None)
        if found is None:
            raise unexpected_value(pointer, self.expected, value)
        return found


def _read_text(value: Any, _: object = None) -> str | None:
    return value if isinstance(value, str) else None


def _read_id(value: Any, _: object = None) -> str | None:
    # By the exact type, since a boolean is an int too; JSON yields no other subclasses.
    if type(value) is str:
        text = value
    elif type(value) is int:
        text = str(value)
    else:
        return None
    # A longer one is not an id: no thread reference could hold it, and it could not be sent back.
    return text if 0 < len(text) <= _ID_LIMIT else None


def _read_boolean(value: Any, _: object = None) -> bool | None:
    if value is True or value is False or value is None:
        return value
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _read_boolean_word(value: Any, _: object = None) -> bool | None:
    return _WORDS.get(value.lower()) if isinstance(value, str) else _read_boolean(value)


def _read_integer(value: Any, _: object = None) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_time(value: Any, _: object = None) -> datetime | None:
    """Return the time in `value` (ISO 8601 text; UTC if it has no offset), or None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read_epoch(value: Any, unit: timedelta) -> datetime | None:
    number = value if isinstance(value, float) else _read_integer(value)
    if number is None:
        return None
    try:
        return _EPOCH + number * unit
    except (OverflowError, ValueError):
        return None


as_text = Reader(_read_text, "text", null="")
"""Text. Where it is required, null counts as empty, since vendors redact that way."""
as_id = Reader(_read_id, "an id (text or integer)")
"""An id, as text: vendors use both text and integers."""
as_boolean = Reader(_read_boolean, "true or false")
"""A boolean; 0 and 1 count, since one vendor uses them."""
as_boolean_word = Reader(_read_boolean_word, "true or false")
"""A boolean, or a word for one, such as "yes" or "false"."""
as_integer = Reader(_read_integer, "an integer")
"""An integer; one that is written as text counts."""
as_time = Reader(parse_time, "a time (ISO 8601)")
"""A timezone-aware datetime from ISO 8601; a time without an offset is UTC."""
as_epoch_seconds = Reader(lambda value, _: _read_epoch(value, timedelta(seconds=1)), "seconds since 1970")
"""A timezone-aware datetime from seconds since 1970."""
as_epoch_milliseconds = Reader(
    lambda value, _: _read_epoch(value, timedelta(milliseconds=1)), "milliseconds since 1970"
)
"""A timezone-aware datetime from milliseconds since 1970."""
