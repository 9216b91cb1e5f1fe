"""The types of settings: text read as each, and what each is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat.adapter import Secret, TokenProvider
from unichat.config.setting_types import describe_type, is_supported, parse_text

TABLE = Mapping[str, int]
LIST = tuple[int, ...]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "5", "5"),
        (str | None, "true", "true"),
        (Secret | TokenProvider | None, "5", "5"),
        (int, "5", 5),
        (int, "-5", -5),
        (int, "+5", 5),
        (float, "5", 5.0),
        (float, ".5", 0.5),
        (float, "1e3", 1000.0),
        (float | None, "2.", 2.0),
        (bool, "true", True),
        (bool, "YES", True),
        (bool, "1", True),
        (bool, "false", False),
        (bool | None, "No", False),
        (bool, "0", False),
        (Literal["a", "b"], "a", "a"),
        (Literal["auto", 1, True], "1", 1),
        (Literal["auto"] | None, "auto", "auto"),
        (Literal[2], "2", 2),
        (TABLE, "up:1,down:2", {"up": 1, "down": 2}),
        (TABLE, " up : 1 , down : 2 ", {"up": 1, "down": 2}),
        (TABLE | None, '{"up": 1}', {"up": 1}),
        (TABLE, "{}", {}),
        (Mapping[str, str], "a:b:c", {"a": "b:c"}),
        (LIST, "1, 2", [1, 2]),
        (LIST, "1", [1]),
        (LIST | None, "[1, 2]", [1, 2]),
        (tuple[Literal["a", "b"], ...], "a,b", ["a", "b"]),
        (bool | str, "yes", True),
        (str | int, "5", 5),
    ],
)
def test_text_is_parsed_as_the_type_of_the_setting(annotation: Any, text: str, value: object) -> None:
    read = parse_text(annotation, text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "5.0"),
        (int, "1_000"),
        (int, "٣"),
        (int, "9" * 5000),
        (int, ""),
        (float, "nan"),
        (float, "inf"),
        (float, "1_0.0"),
        (float, "."),
        (bool, "on"),
        (bool, "2"),
        (Literal["a"], "A"),
        (Literal[2], "3"),
        (TABLE, "up"),
        (TABLE, "up:1,up:2"),
        (TABLE, '{"up": 1, "up": 2}'),
        (TABLE, '{"up": NaN}'),
        (TABLE, '{"up"'),
        (TABLE, '{"a":' * 100_000),
        (TABLE, "[1]"),
        (LIST, "[1, NaN]"),
        (LIST, "[1"),
        (LIST, "[" * 100_000),
    ],
)
def test_text_that_cannot_be_parsed_is_returned_unchanged(annotation: Any, text: str) -> None:
    assert parse_text(annotation, text) == text


@settings(deadline=None)
@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_every_integer_of_a_sensible_size_is_parsed(number: int) -> None:
    assert parse_text(int, str(number)) == number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_parsed(number: float) -> None:
    assert parse_text(float, repr(number)) == number


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-99, 99)))
def test_every_table_is_parsed_from_json(table: dict[str, int]) -> None:
    assert parse_text(TABLE, json.dumps(table)) == table


@settings(deadline=None)
@given(st.sampled_from([int, float, bool, TABLE, LIST, Literal["a", 1], Secret | None]), st.text())
def test_any_text_can_be_given_to_the_parser(annotation: Any, text: str) -> None:
    parse_text(annotation, text)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str | None, "text"),
        (int | str, "a whole number or text"),
        (float, "a number"),
        (bool, "true or false"),
        (Secret | TokenProvider | None, 'text or a reference such as {env = "NAME"} or a function'),
        (Literal["a", 1], "one of 'a', 1"),
        (TABLE, "a table (each value a whole number)"),
        (LIST, "a list (each value a whole number)"),
    ],
)
def test_each_type_has_words_for_messages(annotation: Any, words: str) -> None:
    assert is_supported(annotation)
    assert describe_type(annotation) == words


@pytest.mark.parametrize(
    "annotation",
    [
        list[str],
        tuple[int, str],
        tuple[object, ...],
        dict[str, int],
        object,
        Mapping[int, str],
        Mapping[str, object],
        Any,
    ],
)
def test_other_types_are_not_supported(annotation: Any) -> None:
    assert not is_supported(annotation)
