"""Encoding for a vendor, and what cannot be sent."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat._text.encoding import check_encodable, encode_json
from unichat.errors import InvalidInput

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def contains_itself():
    value: list[object] = []
    value.append(value)
    return value


def nest(depth):
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@given(JSON)
def test_encode_json_gives_what_decodes_to_the_same_value(value):
    assert json.loads(encode_json(value, "x")) == value


def test_encode_json_is_compact_utf8():
    assert encode_json({"a": [1, "é"], "b": ("x",)}, "x") == '{"a":[1,"é"],"b":["x"]}'.encode()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({1: "a"}, "the key 1 is not text"),
        ([{"a": ({None: 1},)}], "the key None is not text"),
        (math.nan, "NaN|not JSON compliant"),
        ([-math.inf], "Infinity|inf|not JSON compliant"),
        (b"bytes", "bytes"),
        ({"a": {1, 2}}, "set"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (contains_itself(), "nested too deeply, or contains itself"),
        (nest(100_000), "nested too deeply, or contains itself"),
    ],
)
def test_encode_json_with_what_json_lacks_names_argument_and_problem(value, problem):
    with pytest.raises(InvalidInput, match=problem) as caught:
        encode_json(value, "metadata")
    assert caught.value.argument == "metadata"
    assert caught.value.message.startswith("metadata cannot be sent as JSON: ")


@given(TEXT.filter(lambda text: "\0" not in text))
def test_check_encodable_with_text_that_can_be_sent_returns_it(text):
    assert check_encodable("question", text) is text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "b\udfff"])
def test_check_encodable_with_text_that_cannot_be_sent_names_the_argument(text):
    with pytest.raises(InvalidInput, match="question holds a NUL character or a lone surrogate") as caught:
        check_encodable("question", text)
    assert caught.value.argument == "question"
    assert text not in str(caught.value)
