"""Models of a vendor's JSON objects: each attribute says which member it is, and how that is read.

    @frozen(kw_only=True)
    class Message(JsonModel):
        id: str = required(as_id)
        text: str = optional(as_text, "content", default="")
        sent_at: datetime | None = optional(as_time, "/meta/sent_at")

cattrs makes a function of each class when it is first read: a history has many rows, and one such function costs less
than a call for each member. It knows no JSON pointers. Where it fails, the object is read again member by member, which
finds the pointer for the error.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Generic, Self, TypeVar

from attrs import evolve, field, fields, frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from unichat.adapter.fields import CALL, Fields, call_field, find_member, raw_field, read_rows
from unichat.adapter.readers import MISSING, Reader, unexpected_value
from unichat.errors import InvalidResponse
from unichat.record import CallRecord

T = TypeVar("T")
M = TypeVar("M", bound="JsonModel")

_MEMBER = "unichat.member"
_FAILURES = (TypeError, InvalidResponse)
"""What the function that cattrs makes raises for an object that is not what it should be."""


@frozen
class ObjectsReader(Generic[T]):
    """How a list of objects is read; see `as_objects`."""

    item: Callable[[Fields], T | None] | type[T]
    strict: bool

    def read(self, value: Any, pointer: str) -> tuple[T, ...]:
        """Return the items; anything but a list counts as empty, or if `strict` only null.

        Raises:
            InvalidResponse: an item is not what it should be; `strict`, and it is not a list.
        """
        if value is None or value is MISSING or not (self.strict or isinstance(value, list)):
            return ()
        return self.require(value, pointer)

    def require(self, value: object, pointer: str) -> tuple[T, ...]:
        """Return the items.

        Raises:
            InvalidResponse: it is not a list, or an item is not what it should be.
        """
        return tuple([item for item in parse_objects(value, self.item, pointer) if item is not None])


def as_objects(item: Callable[[Fields], T | None] | type[T], *, strict: bool = False) -> ObjectsReader[T]:
    """Return the reader of a list of objects; `item` is their model, or a function that reads one.

    Anything but a list counts as an empty one, unless it is required; if `strict`, only null does. An item that is not
    an object is an error. Items for which the function returns None are left out.
    """
    return ObjectsReader(item, strict)


@frozen
class _Member:
    """What is read into one attribute of a model; it is required if there is no default."""

    reader: Reader[Any] | ObjectsReader[Any]
    keys: tuple[str, ...]
    default: Any = MISSING

    def read(self, value: Any, pointer: str) -> Any:
        if self.default is MISSING:
            return self.reader.require(value, pointer)
        found = self.reader.read(value, pointer)
        return self.default if found is None else found

    def find_key(self, raw: dict[str, Any]) -> str:
        """Return the first key whose value can be read, or else the last."""
        for key in self.keys[:-1]:
            value = find_member(raw, key)
            is_list = isinstance(self.reader, ObjectsReader)
            if value is not MISSING and (is_list or self.reader.read(value, "") is not None):
                return key
        return self.keys[-1]

    def hook(self) -> Callable[[Any, Any], Any]:
        """Return what cattrs calls with the value and its type: what `read` does, in as few calls as possible."""
        reader, read, default = self.reader, self.reader.read, self.default
        if default is None:
            return read
        if isinstance(reader, ObjectsReader):
            # Nearly all lists within a row are empty, or missing.
            empty: tuple[Any, ...] = ([],) if default is MISSING else ([], MISSING)
            return lambda value, _: () if value in empty else self.read(value, "")

        def read_or_default(value: Any, _: Any) -> Any:
            found = read(value, "")
            if found is not None:
                return found
            return reader.require(value, "") if default is MISSING else default

        return read_or_default


def required(reader: Reader[T] | ObjectsReader[T], key: str | None = None) -> Any:
    """Declare an attribute that the vendor always sends; without it, the answer is an `InvalidResponse`.

    Args:
        reader: how it is read, such as `as_id`.
        key: the member's name, or a JSON pointer to it, such as "/message/content"; by default the attribute's name.
    """
    return field(metadata={_MEMBER: _Member(reader, () if key is None else (key,))})


def optional(reader: Reader[T] | ObjectsReader[T], *keys: str, default: Any = None) -> Any:
    """Declare an attribute that is `default` where the vendor sends nothing that can be read.

    Args:
        reader: how it is read, such as `as_text`.
        keys: the member's name, or a JSON pointer to it; of several, the first that can be read is taken. By default,
            it is the attribute's name.
        default: for a list of objects, it is always an empty tuple.
    """
    default = () if isinstance(reader, ObjectsReader) else default
    return field(metadata={_MEMBER: _Member(reader, keys, default)})


@frozen(kw_only=True)
class JsonModel:
    """The base class of a vendor's objects: members that are `required` or `optional`; `raw` is the vendor's JSON.

    `call` is the record of the call where the object is the result of one, and None where it is a part of it.
    """

    raw: Any = raw_field()
    call: CallRecord | None = call_field()

    @classmethod
    def read(cls, row: Fields) -> Self:
        """Read one.

        Raises:
            InvalidResponse: a required member is missing, or an item of a list is not an object; with its pointer.
        """
        structure: Callable[[dict[str, Any]], Self] = _structure(cls)  # type: ignore[arg-type]
        try:
            return structure(row.raw)
        except _FAILURES:
            # To be found again, with its pointer.
            pass
        # Not within a handler: the error would keep that of cattrs as its context, and with it the vendor's answer.
        for member in _members(cls).values():
            key = member.find_key(row.raw)
            member.read(find_member(row.raw, key), row.pointer_to(key))
        return structure(row.raw)


def parse_objects(value: object, item: Callable[[Fields], T] | type[T], pointer: str = "") -> tuple[T, ...]:
    """Return the objects in the list `value` at `pointer`; `item` is their model, or a function that reads one.

    Raises:
        InvalidResponse: `value` is not a list, or one of its items is not an object, or cannot be read.
    """
    if not isinstance(value, list):
        raise unexpected_value(pointer, "a list", value)
    if not isinstance(item, type):
        return read_rows(value, item, pointer)
    structure = _structure(item)
    with suppress(*_FAILURES):
        return tuple([structure(row) for row in value])
    return read_rows(value, item.read, pointer)  # type: ignore[attr-defined]


def _members(cls: type[Any]) -> dict[str, _Member]:
    """Return the members of a model by attribute; each has keys."""
    found = {each.name: each.metadata[_MEMBER] for each in fields(cls) if _MEMBER in each.metadata}
    return {name: member if member.keys else evolve(member, keys=(name,)) for name, member in found.items()}


@cache
def _structure(cls: type[Any]) -> Callable[[dict[str, Any]], Any]:
    """Return the function that makes a model of an object, or raises one of `_FAILURES`."""
    overrides = {each.name: override(omit=True) for each in fields(cls) if each.name == "raw" or CALL in each.metadata}
    absent: dict[str, Any] = {}
    pointers: set[str] = set()
    alternatives: dict[str, _Member] = {}
    for name, member in _members(cls).items():
        key = member.keys[0]
        if key.startswith("/"):
            # cattrs finds a member by its name only: what is found by the pointer stands under the pointer itself.
            pointers.add(key)
        if len(member.keys) > 1:
            alternatives[name] = member
        absent[key] = MISSING
        overrides[name] = override(rename=key, struct_hook=member.hook())
    structure = make_dict_structure_fn(cls, Converter(), _cattrs_detailed_validation=False, **overrides)  # type: ignore[arg-type]
    set_attribute = object.__setattr__

    def read(raw: dict[str, Any]) -> Any:
        row = {**absent, **raw}
        for pointer in pointers:
            row[pointer] = find_member(raw, pointer)
        model = structure(row, cls)
        # The model is new, so nobody has seen it without what cattrs cannot read.
        for name, member in alternatives.items():
            if getattr(model, name) is member.default:
                set_attribute(model, name, member.read(find_member(raw, member.find_key(raw)), ""))
        set_attribute(model, "raw", raw)
        return model

    return read
