"""How values are compared with schemas: kinds, places, and what the adapter reads."""

import sys

import pytest

from unichat.contract.operations import InvalidDocument
from unichat.contract.schemas import SchemaComparer
from unichat.errors import ConfigError

TEXT = {"type": "string"}
READ = {"type": "string", "x-read": True}


def compare(value, schema, **components):
    document = {"components": {"schemas": {"it": schema, **components}}}
    found = SchemaComparer(document).compare(value, "/components/schemas/it")
    return [(each.kind, each.pointer, each.verdict.value) for each in found]


def rows(**properties):
    row = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "object", "properties": {"data": {"type": "array", "items": row, "x-read": True}}}


def test_a_value_of_the_contract_has_no_findings():
    assert compare({"data": [{"a": "x"}]}, rows(a=READ)) == []


def test_a_missing_field_is_reported_where_it_should_stand():
    assert compare({"data": [{"a": "x"}, {}]}, rows(a=READ)) == [("missing", "/data/1/a", "broken")]


def test_a_missing_field_that_the_adapter_does_not_read_is_drift():
    assert compare({"data": [{}]}, rows(a=TEXT)) == [("missing", "/data/0/a", "drift")]


def test_a_field_in_a_part_that_the_adapter_does_not_read_is_not_read_either():
    inner = {"type": "object", "required": ["a"], "properties": {"a": READ}}
    schema = {"type": "object", "properties": {"part": inner}}
    assert compare({"part": {}}, schema) == [("missing", "/part/a", "drift")]


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "null"), (7, "type"), (True, "type"), ([], "type"), ({"a": 1}, "type")]
)
def test_a_value_of_another_type_is_told_from_null(value, kind):
    assert compare({"data": [{"a": value}]}, rows(a=READ)) == [(kind, "/data/0/a", "broken")]


@pytest.mark.parametrize("value", [None, 7, "text", []])
def test_a_whole_of_another_type_is_broken(value):
    assert [(each[1], each[2]) for each in compare(value, {"type": "object"})] == [("", "broken")]


def test_each_place_and_kind_is_reported_once_at_the_first_row_that_shows_it():
    found = compare({"data": [{"a": "x"}, {"a": 1}, {"a": 2}, {"a": None}, {}]}, rows(a=READ))
    assert found == [
        ("type", "/data/1/a", "broken"),
        ("null", "/data/3/a", "broken"),
        ("missing", "/data/4/a", "broken"),
    ]


def test_a_new_field_is_drift_unless_the_object_is_free():
    assert compare({"data": [], "new": 1}, rows(a=TEXT)) == [("new_field", "/new", "drift")]
    assert compare({"any": 1}, {"type": "object"}) == []
    assert compare({"any": 1}, {"type": "object", "properties": {}, "additionalProperties": True}) == []


def test_new_fields_whose_names_are_not_shown_are_one_finding():
    found = compare({"data": [], "I am ill": 1, "what now?": 2}, rows(a=TEXT))
    assert found == [("new_field", "/?", "drift")]


def test_a_new_field_is_looked_for_in_all_parts_of_a_schema():
    schema = {"allOf": [{"$ref": "#/components/schemas/base"}, {"properties": {"b": TEXT}}]}
    base = {"type": "object", "properties": {"a": TEXT}}
    assert compare({"a": "x", "b": "y"}, schema, base=base) == []
    assert compare({"a": "x", "c": "y"}, schema, base=base) == [("new_field", "/c", "drift")]


def test_a_new_enum_value_is_drift_and_another_type_is_not_one():
    schema = {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"], "x-read": True}}}
    assert compare({"a": "y"}, schema) == [("new_enum_value", "/a", "drift")]
    assert compare({"a": 1}, schema) == [("type", "/a", "broken")]
    assert compare({"a": None}, schema) == [("null", "/a", "broken")]
    numbers = {"type": "object", "properties": {"a": {"type": "integer", "enum": [0, 1], "x-read": True}}}
    assert compare({"a": 2}, numbers) == [("new_enum_value", "/a", "drift")]
    assert compare({"a": True}, numbers) == [("type", "/a", "broken")]
    assert compare({"a": "2"}, numbers) == [("type", "/a", "broken")]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("uuid", "497f6eca-6276-4993-bfeb-53cbbbba6f08", "497f6eca"),
        ("date-time", "2019-08-24T14:15:22Z", "yesterday"),
        ("date", "2019-08-24", "24.8.2019"),
    ],
)
def test_a_text_of_another_format_is_of_another_type(name, good, bad):
    assert compare({"data": [{"a": good}]}, rows(a={**READ, "format": name})) == []
    assert compare({"data": [{"a": bad}]}, rows(a={**READ, "format": name})) == [("type", "/data/0/a", "broken")]


def test_an_ambiguous_point_is_settled_by_the_alternative_that_fits():
    schema = {"x-ambiguity": "Which?", "anyOf": [{"title": "text", **TEXT}, {"title": "a number", "type": "integer"}]}
    assert compare("x", schema) == [("settled", "", "ok")]
    assert compare(1, schema) == [("settled", "", "drift")]
    assert compare(1.5, schema) == [("type", "", "broken")]


def test_what_differs_is_told_of_the_alternative_that_fits_best():
    row = {"type": "object", "required": ["id"], "properties": {"id": READ}}
    page = {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": row, "x-read": True}},
    }
    schema = {"x-ambiguity": "Which?", "anyOf": [page, {"type": "array", "items": row}, row]}
    assert compare([{"id": "1"}, {"id": 2}, {}], schema) == [
        ("type", "/1/id", "broken"),
        ("missing", "/2/id", "broken"),
    ]
    assert compare({"results": [{}] * 10}, schema) == [("missing", "/results/0/id", "broken")]


def test_a_field_that_another_alternative_has_is_not_new():
    def page(**counts):
        return {"type": "object", "required": ["data", *counts], "properties": {"data": {}, **counts}}

    number = {"type": "integer", "x-read": True}
    schema = {"x-ambiguity": "Which?", "anyOf": [page(total=number), page(count=number), page()]}
    assert compare({"data": [], "count": 1}, schema) == [("settled", "", "drift")]
    assert compare({"data": []}, schema) == [("settled", "", "drift")]
    assert compare({"data": [], "total": "1"}, schema) == [("type", "/total", "broken")]
    assert compare({"data": [], "count": None}, schema) == [("null", "/count", "broken")]
    assert ("new_field", "/other", "drift") in compare({"data": [], "total": 1, "other": 1}, schema)


def test_a_discriminator_chooses_the_alternative():
    def part(kind, **properties):
        return {
            "type": "object",
            "required": ["type", *properties],
            "properties": {"type": {"const": kind, "x-read": True}, **properties},
        }

    schema = {"oneOf": [part("a", x=READ), part("b", y=READ)], "discriminator": {"propertyName": "type"}}
    assert compare({"type": "b", "y": 1}, schema) == [("type", "/y", "broken")]
    assert compare({"type": "c", "z": 1}, schema) == [("new_enum_value", "/type", "drift")]
    assert ("null", "/type", "broken") in compare({"type": None}, schema)


def test_a_message_shows_no_value_that_may_be_a_persons_words():
    secret = "I am ill, what now?"
    document = {"components": {"schemas": {"it": rows(a={**TEXT, "enum": ["x"]})}}}
    found = SchemaComparer(document).compare({"data": [{"a": secret, secret: 1}], secret: 1}, "/components/schemas/it")
    assert len(found) == 3
    assert not [each for each in found if secret in each.message]


def test_a_schema_that_is_not_valid_is_an_invalid_document():
    with pytest.raises(InvalidDocument, match="/components/schemas/it"):
        compare({}, {"type": "nonsense"})


def test_without_jsonschema_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ConfigError, match="jsonschema is not installed") as caught:
        SchemaComparer({})
    assert "unichat-bridge[contract]" in str(caught.value)
