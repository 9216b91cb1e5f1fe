"""Shapes: types put together over rows, and how two shapes differ."""

import pytest

from unichat.contract.findings import Verdict
from unichat.contract.schemas import SchemaComparer
from unichat.contract.shapes import compare_shapes, describe_value, merge_shapes

TEXT, NUMBER, NULL = ({"types": [name]} for name in ("string", "integer", "null"))


def item(**fields):
    return {"types": ["object"], "fields": fields}


def rows(shape):
    return {"types": ["array"], "items": shape}


def compare(old, new):
    found = list(compare_shapes(old, new))
    assert {each.verdict for each in found} <= {Verdict.DRIFT}
    return [(each.kind, each.pointer) for each in found]


def test_types_are_unions_over_rows():
    assert merge_shapes([TEXT, NULL, TEXT])["types"] == ["null", "string"]


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"properties": {"a": {}}}, ["a", "ann"]),
        ({"properties": {"a": {}}, "additionalProperties": True}, ["a"]),
        ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, ["a"]),
        ({"allOf": [{"properties": {"a": {}}, "additionalProperties": True}, {"properties": {"a": {}}}]}, ["a", "ann"]),
        ({"type": "object"}, None),
    ],
    ids=["closed", "open", "patterns", "a part that is closed", "free"],
)
def test_names_that_the_contract_leaves_free_are_not_part_of_a_shape(schema, names):
    comparer = SchemaComparer({"components": {"schemas": {"it": schema}}})
    value = {"a": 1, "ann": 2, "I am ill": 3}
    described = comparer.described_objects(value, "/components/schemas/it")
    fields = describe_value(value, described).get("fields")
    assert (None if fields is None else list(fields)) == names


def test_a_field_that_not_every_row_has_is_there_sometimes():
    shape = merge_shapes([item(a=TEXT, b=TEXT), item(a=NUMBER)])
    assert shape["sometimes"] == ["b"]
    assert shape["fields"]["a"]["types"] == ["integer", "string"]
    assert merge_shapes([shape, item(a=TEXT, b=TEXT)])["sometimes"] == ["b"]


def test_a_field_that_was_there_sometimes_may_be_missing():
    assert compare({**item(a=TEXT), "sometimes": ["a"]}, item()) == []
    assert compare(item(a=TEXT), item()) == [("missing", "/a")]
    assert compare(item(a=TEXT), {**item(a=TEXT), "sometimes": ["a"]}) == [("missing", "/a")]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (TEXT, TEXT, []),
        (TEXT, NUMBER, [("type", "")]),
        (TEXT, {"types": ["null", "string"]}, [("null", "")]),
        # One that was null, or of two types, may become one of them.
        ({"types": ["null", "string"]}, TEXT, []),
        (item(a=TEXT), item(a=TEXT, b=TEXT), [("new_field", "/b")]),
        (item(**{"a/b": TEXT}), item(**{"a/b": NULL}), [("null", "/a~1b")]),
        (rows(item(a=TEXT)), rows(item(a=NUMBER)), [("type", "/0/a")]),
        # An empty list shows nothing of its rows.
        (rows(TEXT), {"types": ["array"]}, []),
    ],
)
def test_shapes_are_compared(old, new, found):
    assert compare(old, new) == found
