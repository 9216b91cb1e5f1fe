"""The shape of an answer: its fields and their types, without any value.

A shape is an object: `types` lists the JSON types that were seen; `fields` has the shapes of an object's fields, and
`sometimes` those that not every row has; `items` has the shape of all of a list's items, put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from unichat.contract.findings import Finding, Kind, Verdict
from unichat.contract.keywords import can_be_shown
from unichat.contract.operations import ContractOperation, find_schema
from unichat.contract.pointers import escape
from unichat.contract.schemas import SchemaComparer, type_name

Shape = dict[str, Any]


def describe_shape(body: Any, comparer: SchemaComparer, operation: ContractOperation) -> Shape | None:
    """Return the shape of an operation's answer; None if there is none.

    Keys that the contract leaves free are not part of it: they may be anybody's words.
    """
    if body is None:
        return None
    response = operation.success_pointer
    schema = None if response is None else find_schema(comparer.document, response)
    described = {} if schema is None else comparer.described_objects(body, schema)
    return describe_value(body, described)


def describe_value(value: Any, described: Mapping[int, frozenset[str] | None]) -> Shape:
    """Return the shape of a value; `described` is what `SchemaComparer.described_objects` returns for it."""
    if isinstance(value, list):
        items = [describe_value(item, described) for item in value]
        return {"types": ["array"], **({"items": merge_shapes(items)} if items else {})}
    if isinstance(value, dict) and id(value) in described:
        names = described[id(value)]
        shown = (name for name in value if can_be_shown(name) and (names is None or name in names))
        fields = {name: describe_value(value[name], described) for name in shown}
        return {"types": ["object"], "fields": fields}
    return {"types": [type_name(value)]}


def merge_shapes(shapes: list[Shape]) -> Shape:
    """Return the shape of rows that have these shapes."""
    merged: Shape = {"types": sorted({name for shape in shapes for name in shape["types"]})}
    objects = [shape["fields"] for shape in shapes if "fields" in shape]
    if objects:
        names = list(dict.fromkeys(name for fields in objects for name in fields))
        merged["fields"] = {
            name: merge_shapes([fields[name] for fields in objects if name in fields]) for name in names
        }
        sometimes = {name for name in names if any(name not in fields for fields in objects)}
        sometimes.update(name for shape in shapes for name in shape.get("sometimes", ()))
        if sometimes:
            merged["sometimes"] = sorted(sometimes)
    lists = [shape["items"] for shape in shapes if "items" in shape]
    return {**merged, "items": merge_shapes(lists)} if lists else merged


def compare_shapes(old: Shape, new: Shape, pointer: str = "") -> Iterator[Finding]:
    """Yield how a shape differs from an older one; each is drift, unless the contract says otherwise."""
    added = set(new["types"]) - set(old["types"])
    for name in sorted(added):
        kind: Kind = "null" if name == "null" else "type"
        known = " or ".join(old["types"])
        yield Finding(kind, pointer, f"is {name}, and was {known} before", verdict=Verdict.DRIFT)
    if "fields" in old and "fields" in new:
        yield from _compare_fields(old, new, pointer)
    if "items" in old and "items" in new:
        yield from compare_shapes(old["items"], new["items"], f"{pointer}/0")


def _compare_fields(old: Shape, new: Shape, pointer: str) -> Iterator[Finding]:
    before: Mapping[str, Shape] = old["fields"]
    after: Mapping[str, Shape] = new["fields"]
    rare: Iterable[str] = old.get("sometimes", ())
    for name, shape in before.items():
        place = f"{pointer}/{escape(name)}"
        if name in after:
            yield from compare_shapes(shape, after[name], place)
        if name not in rare and (name not in after or name in new.get("sometimes", ())):
            yield Finding("missing", place, "is missing, and was there before", verdict=Verdict.DRIFT)
    for name in after:
        if name not in before:
            place = f"{pointer}/{escape(name)}"
            yield Finding("new_field", place, f"is new: {name}", verdict=Verdict.DRIFT)
