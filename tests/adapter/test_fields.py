from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.adapter import Fields, call_field, parse_objects, raw_field, unexpected_value
from unichat.adapter.readers import MISSING, parse_time
from unichat.errors import InvalidResponse

ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.just({})


@given(ANY.filter(lambda value: not isinstance(value, dict)))
def test_a_value_that_is_not_an_object_is_refused_with_its_pointer(value):
    with pytest.raises(InvalidResponse) as caught:
        Fields(value, "/rows/3")
    assert caught.value.kind == "shape"
    assert caught.value.pointer == "/rows/3"


@given(ANY)
def test_optional_fields_never_raise(value):
    fields = Fields({"it": value})
    assert fields.text("it") is None or isinstance(value, str)
    assert fields.boolean("it") in (None, True, False)
    assert fields.integer("it") is None or isinstance(fields.integer("it"), int)
    assert fields.id("it") is None or fields.id("it") == str(value)
    assert fields.time("it") is None or fields.time("it").tzinfo is not None


@pytest.mark.parametrize("reader", ["text", "id", "boolean", "integer", "time"])
def test_a_missing_and_a_null_field_are_none(reader):
    assert getattr(Fields({}), reader)("it") is None
    assert getattr(Fields({"it": None}), reader)("it") is None


def test_a_needed_text_may_be_null_since_vendors_redact_so_but_not_missing():
    assert Fields({"it": None}).require_text("it") == ""
    assert Fields({"it": "said"}).require_text("it") == "said"
    with pytest.raises(InvalidResponse, match="/it should be text, but is missing"):
        Fields({}).require_text("it")
    with pytest.raises(InvalidResponse, match="/it should be text, but is int 5"):
        Fields({"it": 5}).require_text("it")


@given(st.integers() | st.text(min_size=1))
def test_a_needed_id_is_text_or_an_integer(value):
    assert Fields({"id": value}).require_id("id") == str(value)


@pytest.mark.parametrize("value", [None, True, False, 1.5, [], {}, ""])
def test_a_needed_id_that_is_none_is_refused_with_its_place(value):
    with pytest.raises(InvalidResponse) as caught:
        Fields({"id": value}, "/rows/0").require_id("id")
    assert caught.value.pointer == "/rows/0/id"


@pytest.mark.parametrize(
    ("value", "expected"), [("x", "x"), ("x" * 1000, "x" * 1000), ("x" * 1001, None), (10**999, "1" + "0" * 999)]
)
def test_an_id_has_1_to_1000_characters(value, expected):
    assert Fields({"it": value}).id("it") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), (1, True), (0, False), (2, None), ("true", None), (1.0, None)]
)
def test_boolean_reads_true_false_and_the_numbers_0_and_1(value, expected):
    assert Fields({"it": value}).boolean("it") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ("7", 7),
        ("007", 7),
        ("1" * 19, int("1" * 19)),
        ("7.0", None),
        ("٧", None),
        ("1" * 20, None),
        (True, None),
        (7.0, None),
        ("", None),
    ],
)
def test_integers_may_come_as_text(value, expected):
    assert Fields({"it": value}).integer("it") == expected


def test_a_list_is_read_object_by_object():
    fields = Fields({"rows": [{"id": 1}, {"id": "b"}]})
    assert fields.objects("rows", lambda row: (row.pointer, row.require_id("id"))) == (
        ("/rows/0", "1"),
        ("/rows/1", "b"),
    )


@pytest.mark.parametrize("value", [None, "no list", 5, {}])
def test_a_value_that_is_not_a_list_is_read_as_an_empty_one(value):
    assert Fields({"rows": value}).objects("rows", lambda row: row) == ()


def test_a_row_that_is_not_an_object_is_refused_with_its_pointer():
    with pytest.raises(InvalidResponse) as caught:
        Fields({"rows": [{}, 5]}, "/data").objects("rows", lambda row: row)
    assert caught.value.pointer == "/data/rows/1"


def test_rows_at_the_top_are_read_likewise():
    assert parse_objects([{"id": 1}], lambda row: row.require_id("id")) == ("1",)
    with pytest.raises(InvalidResponse, match="top level should be a list"):
        parse_objects({"id": 1}, lambda row: row)
    with pytest.raises(InvalidResponse) as caught:
        parse_objects([None], lambda row: row, "/data")
    assert caught.value.pointer == "/data/0"


def test_the_vendors_json_and_the_call_are_given_by_name_and_neither_compared_nor_shown():
    @frozen
    class Row:
        id: str
        raw: dict = raw_field()
        call: object = call_field()

    assert Row("1", raw={"text": "private"}, call="private") == Row("1")
    assert "private" not in repr(Row("1", raw={"text": "private"}, call="private"))
    assert (Row("1").raw, Row("1").call) == ({}, None)
    for position in (["private"], [{}, "private"]):
        with pytest.raises(TypeError, match="takes 2 positional arguments"):
            Row("1", *position)


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))))
def test_an_aware_time_round_trips(time):
    assert parse_time(time.isoformat()) == time


def test_a_time_without_offset_is_utc():
    assert parse_time("2026-01-02T03:04:05") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse_time("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse_time("2026-01-02T03:04:05+02:00").utcoffset() == timedelta(hours=2)


@given(st.text() | st.none() | st.integers())
def test_a_value_that_is_not_a_time_is_none_and_not_an_error(value):
    time = parse_time(value)
    assert time is None or time.tzinfo is not None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "int 5"),
        (1.5, "float 1.5"),
        (True, "bool True"),
        (10**59, f"int 1{'0' * 59}"),
        (10**60, f"int 1{'0' * 58}…"),
        ("secret", "str"),
        (None, "NoneType"),
        ({"a": 1}, "dict"),
        (MISSING, "is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mismatch_shows_a_number_and_of_anything_else_its_type(value, shown):
    assert str(unexpected_value("/it", "text", value)).split(". ")[0].endswith(shown)


@given(st.text(st.characters(), max_size=500))
def test_a_mismatch_is_one_short_printable_line(value):
    line = str(unexpected_value("/it", "text", value))
    assert escape_controls(line) == line
    assert len(line) < 300
