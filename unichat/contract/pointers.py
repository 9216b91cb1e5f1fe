"""JSON pointers, and the references within a contract's document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def find(document: Any, pointer: str) -> Any:
    """Return what stands at a JSON pointer.

    Raises:
        LookupError: nothing does.
    """
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not key.isascii() or not key.isdigit():
                raise LookupError(pointer)
            document = document[int(key)]
        elif isinstance(document, dict):
            document = document[key]
        else:
            raise LookupError(pointer)
    return document


def escape(key: object) -> str:
    """Return a key as it stands in a JSON pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def check_references(document: Any) -> None:
    """Check that every reference of a document leads to a part of it, and none to itself.

    A schema may refer to itself for a part of a value, such as the items of a list; one that refers to itself for the
    same value says nothing about it.

    Raises:
        LookupError: a reference leads nowhere.
        ValueError: one leaves the document, or leads in a circle.
    """
    for pointer, _ in _references(document, ""):
        _check_circle(document, pointer)


def _references(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield where the references stand, and where they lead."""
    waiting = [(value, pointer)]
    while waiting:
        value, pointer = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(item, f"{pointer}/{escape(key)}") for key, item in items]
        if isinstance(value, dict) and isinstance(reference := value.get("$ref"), str):
            yield pointer, reference


_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
"""Keywords whose schemas are of the value itself, not of a part of it."""


def _check_circle(document: Any, start: str) -> None:
    waiting, seen = [start], set()
    while waiting:
        for pointer in _of_the_same_value(document, waiting.pop()):
            if pointer == start:
                raise ValueError(f"the reference #{pointer} leads in a circle")
            if pointer not in seen:
                seen.add(pointer)
                waiting.append(pointer)


def _of_the_same_value(document: Any, pointer: str) -> Iterator[str]:
    """Yield the pointers to what else is said of a value of which something is said at `pointer`."""
    schema = find(document, pointer)
    if not isinstance(schema, dict):
        return
    if isinstance(reference := schema.get("$ref"), str):
        if not reference.startswith("#/"):
            raise ValueError(f"the reference {reference} leaves the document")
        find(document, reference[1:])
        yield reference[1:]
    for keyword in _SAME_VALUE:
        inner = schema.get(keyword)
        if isinstance(inner, list):
            yield from (f"{pointer}/{keyword}/{number}" for number in range(len(inner)))
        elif isinstance(inner, dict):
            yield f"{pointer}/{keyword}"
