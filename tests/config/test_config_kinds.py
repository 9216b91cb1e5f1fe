"""The types of settings: text read as each, and what each is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat.adapter import Secret, TokenProvider
from unichat.config.kinds import described, from_text, is_known

TABLE = Mapping[str, int]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
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
        (bool | str, "yes", True),
        (str | int, "5", 5),
    ],
)
def test_text_is_read_as_the_type_of_the_setting(kind: Any, text: str, value: object) -> None:
    read = from_text(kind, text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
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
    ],
)
def test_text_that_stands_for_nothing_stays_as_it_is(kind: Any, text: str) -> None:
    assert from_text(kind, text) == text


@settings(deadline=None)
@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_every_whole_number_of_a_sensible_size_is_read(number: int) -> None:
    assert from_text(int, str(number)) == number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read(number: float) -> None:
    assert from_text(float, repr(number)) == number


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-99, 99)))
def test_every_table_is_read_from_json(table: dict[str, int]) -> None:
    assert from_text(TABLE, json.dumps(table)) == table


@settings(deadline=None)
@given(st.sampled_from([int, float, bool, TABLE, Literal["a", 1], Secret | None]), st.text())
def test_no_text_breaks_the_reading(kind: Any, text: str) -> None:
    from_text(kind, text)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str | None, "text"),
        (int | str, "a whole number or text"),
        (float, "a number"),
        (bool, "true or false"),
        (Secret | TokenProvider | None, 'text or a reference such as {env = "NAME"} or a function'),
        (Literal["a", 1], "one of 'a', 1"),
        (TABLE, "a table (each value a whole number)"),
    ],
)
def test_each_type_has_words_for_messages(kind: Any, words: str) -> None:
    assert is_known(kind)
    assert described(kind) == words


@pytest.mark.parametrize("kind", [list[str], dict[str, int], object, Mapping[int, str], Mapping[str, object], Any])
def test_other_types_are_not_known(kind: Any) -> None:
    assert not is_known(kind)
