"""Models of a vendor's objects: declared members, what is missing or wrong, and where an error points."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from unichat.adapter import (
    Fields,
    JsonModel,
    Reader,
    as_boolean,
    as_id,
    as_integer,
    as_objects,
    as_text,
    as_time,
    optional,
    parse_objects,
    required,
)
from unichat.errors import InvalidResponse


@frozen(kw_only=True)
class Part(JsonModel):
    """A part of a row."""

    name: str = required(as_text)


@frozen(kw_only=True)
class Row(JsonModel):
    """A row with a member of each kind."""

    id: str = required(as_id)
    title: str = optional(as_text, default="")
    number: int | None = optional(as_integer)
    done: bool | None = optional(as_boolean)
    made: datetime | None = optional(as_time, "created_at")
    author: str | None = optional(as_text, "/meta/authors/0/name")
    key: str | None = optional(as_id, "new_key", "old_key", "/meta/key")
    parts: tuple[Part, ...] = optional(as_objects(Part))
    strict: tuple[Part, ...] = optional(as_objects(Part, strict=True))


@frozen(kw_only=True)
class Needy(JsonModel):
    """A row that needs a list, and a member further within."""

    parts: tuple[Part, ...] = required(as_objects(Part))
    name: str = required(as_text, "/meta/0/name")


def read(value: dict[str, Any], model: Any = Row) -> Any:
    return model.read(Fields(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
NAMES = ["id", "title", "number", "done", "created_at", "meta", "new_key", "old_key", "parts", "strict", "name", "raw"]
OBJECTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), JSON, max_size=12)


def test_a_model_has_what_its_members_say_and_the_object_itself():
    value = {"id": 7, "title": "T", "number": "3", "done": 1, "created_at": "2026-01-02T03:04:05Z", "raw": "theirs"}
    row = read(value)
    assert (row.id, row.title, row.number, row.done, row.made.year) == ("7", "T", 3, True, 2026)
    assert row.raw is value


def test_an_optional_member_that_is_missing_null_or_of_another_type_is_its_default():
    for absent in ({}, dict.fromkeys(NAMES[1:]), {name: object() for name in NAMES[1:9]}):
        row = read({**absent, "id": "1"})
        assert (row.title, row.number, row.done, row.made, row.author, row.key) == ("", None, None, None, None, None)
        assert (row.parts, row.strict) == ((), ())


def test_a_member_further_within_is_found_by_its_pointer():
    assert read({"id": 1, "meta": {"authors": [{"name": "Ada"}, {"name": "Grace"}]}}).author == "Ada"


@pytest.mark.parametrize("meta", [None, 5, [], {}, {"authors": []}, {"authors": {"0": 5}}, {"authors": ["Ada"]}])
def test_a_member_whose_way_is_not_there_is_missing(meta):
    assert read({"id": 1, "meta": meta}).author is None


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ({"new_key": "n", "old_key": "o"}, "n"),
        ({"new_key": None, "old_key": 5}, "5"),
        ({"new_key": "", "meta": {"key": "m"}}, "m"),
        ({"new_key": [], "old_key": {}}, None),
    ],
)
def test_of_several_keys_the_first_that_can_be_read_is_taken(value, key):
    assert read({"id": 1, **value}).key == key


@pytest.mark.parametrize("value", ["text", 5, {}, True])
def test_a_list_that_is_not_one_counts_as_empty_unless_it_is_strict(value):
    assert read({"id": 1, "parts": value}).parts == ()
    with pytest.raises(InvalidResponse, match="/strict should be a list"):
        read({"id": 1, "strict": value})


def test_items_that_their_function_does_not_know_are_left_out():
    @frozen(kw_only=True)
    class ChosenModel(JsonModel):
        parts: tuple[str, ...] = optional(as_objects(lambda row: row.text("name")))

    assert read({"parts": [{"name": "a"}, {}, {"name": "b"}]}, ChosenModel).parts == ("a", "b")


@pytest.mark.parametrize(
    ("model", "value", "pointer", "problem"),
    [
        (Row, {}, "/at/id", "should be an id (text or integer), but is missing"),
        (Row, {"id": None}, "/at/id", "but is NoneType"),
        (Row, {"id": 1.5}, "/at/id", "but is float 1.5"),
        (Row, {"id": 1, "parts": [{"name": "a"}, 5]}, "/at/parts/1", "should be an object"),
        (Row, {"id": 1, "parts": [{"name": "a"}, {}]}, "/at/parts/1/name", "should be text, but is missing"),
        (Row, {"id": 1, "strict": [{"name": 5}]}, "/at/strict/0/name", "should be text, but is int 5"),
        (Needy, {"meta": [{"name": "a"}]}, "/at/parts", "should be a list, but is missing"),
        (Needy, {"meta": [{"name": "a"}], "parts": 0}, "/at/parts", "should be a list, but is int 0"),
        (Needy, {"meta": [{}], "parts": []}, "/at/meta/0/name", "should be text, but is missing"),
    ],
)
def test_what_is_not_as_declared_is_invalid_with_a_pointer_to_it(model, value, pointer, problem):
    with pytest.raises(InvalidResponse) as caught:
        model.read(Fields(value, "/at"))
    assert (caught.value.pointer, caught.value.kind) == (pointer, "shape")
    assert problem in str(caught.value)
    # cattrs' own error would be kept with its frames, which hold the answer.
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


def test_a_required_text_that_is_null_is_empty_since_vendors_redact_so():
    assert read({"name": None}, Part).name == ""


def test_a_list_of_models_names_the_row_that_cannot_be_read():
    assert [row.id for row in parse_objects([{"id": 1}, {"id": "b"}], Row)] == ["1", "b"]
    for bad, pointer in (({}, "/data/1/id"), (5, "/data/1"), (None, "/data/1")):
        with pytest.raises(InvalidResponse) as caught:
            parse_objects([{"id": 1}, bad, {}], Row, "/data")
        assert (caught.value.pointer, caught.value.__context__) == (pointer, None)


@given(OBJECTS)
def test_any_object_is_read_or_invalid_at_a_pointer_and_never_changed(value):
    before = repr(value)
    pointer, row = "/", None
    try:
        row = read(value)
    except InvalidResponse as error:
        pointer = error.pointer or ""
    assert pointer.startswith("/")
    assert row is None or (row.raw is value and row == read(value))
    assert repr(value) == before


@given(st.lists(OBJECTS, max_size=4))
def test_a_list_and_its_rows_one_by_one_agree(values):
    def attempt(function: Any) -> Any:
        try:
            return function()
        except InvalidResponse as error:
            return str(error)

    together = attempt(lambda: parse_objects(values, Row, "/data"))
    assert together == attempt(lambda: parse_objects(values, Row.read, "/data"))


def test_a_mistake_in_a_reader_of_an_adapters_own_is_raised_as_it_is():
    def raise_type_error(value: Any, _: Any) -> Any:
        raise TypeError("a mistake")

    @frozen(kw_only=True)
    class BrokenModel(JsonModel):
        it: Any = optional(Reader(raise_type_error, "it"))

    with pytest.raises(TypeError, match="a mistake"):
        read({"it": 1}, BrokenModel)
