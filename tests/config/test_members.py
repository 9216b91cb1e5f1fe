"""How a profile names the members of a route."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.config.members import read_members

WHERE = "unichat.toml, profile 'safe'"


@pytest.mark.parametrize(
    ("kind", "value", "names", "weights"),
    [
        ("fallback", ["kapa", "kadal"], ("kapa", "kadal"), {}),
        ("fallback", ["b", "a", "c"], ("b", "a", "c"), {}),
        ("fallback", ["kadal"], ("kadal",), {}),
        ("split", {"kapa": 70, "kadal": 30}, ("kapa", "kadal"), {"kapa": 70, "kadal": 30}),
        ("split", {"kadal": 1}, ("kadal",), {"kadal": 1}),
        ("split", {"a": 0.5, "b": 1e-9}, ("a", "b"), {"a": 0.5, "b": 1e-9}),
        ("shadow", {"other": "kadal", "primary": "kapa"}, ("kapa", "kadal"), {}),
    ],
)
def test_read_members_of_a_good_value_returns_them_in_order(
    kind: str, value: object, names: tuple[str, ...], weights: dict[str, float]
) -> None:
    members, problems = read_members(kind, value, WHERE)
    assert (members.names, members.weights, problems) == (names, weights, [])


@pytest.mark.parametrize(
    ("kind", "value", "problems"),
    [
        ("fallback", "kapa", ["fallback is 'kapa', but should be a list of profiles"]),
        ("fallback", {"a": 1, "b": 2}, ["but should be a list of profiles"]),
        ("fallback", True, ["fallback is True, but should be a list of profiles"]),
        ("fallback", [], ["fallback is empty"]),
        ("fallback", ["a", "b", "a"], ["fallback has 'a' twice"]),
        ("fallback", ["a", "a"], ["fallback has 'a' twice"]),
        ("fallback", ["a", "a", "b", "b"], ["fallback has 'a' twice", "fallback has 'b' twice"]),
        ("fallback", ["a", 3], ["fallback has 3, but should have the names of profiles"]),
        ("fallback", [["a", "b"]], ["but should have the names of profiles"]),
        ("split", ["a", "b"], ["split is ['a', 'b'], but should be a table of profiles with their weights"]),
        ("split", "a", ["but should be a table"]),
        ("split", {}, ["split is empty"]),
        ("split", {"a": 0, "b": -1}, ["split.a is 0, but should be a positive number", "split.b is -1"]),
        ("split", {"a": math.nan, "b": math.inf}, ["split.a is nan", "split.b is inf"]),
        ("split", {"a": True, "b": "70"}, ["split.a is True", "split.b is '70'"]),
        ("split", {"a": 1, "b": {"c": 1}}, ["split.b is {'c': 1}, but should be a positive number"]),
        ("split", {"a": 0}, ["split.a is 0"]),
        ("shadow", ["a", "b"], ["shadow is ['a', 'b'], but should be a table of two profiles"]),
        ("shadow", {}, ["shadow.primary is missing", "shadow.other is missing"]),
        ("shadow", {"primary": "a"}, ["shadow.other is missing"]),
        ("shadow", {"primary": "a", "other": "a"}, ["shadow has 'a' twice"]),
        ("shadow", {"primary": "a", "other": 3}, ["shadow.other has 3, but should have the names of profiles"]),
        ("shadow", {"primary": "a", "other": "b", "third": "c"}, ["there is no key 'third'"]),
        (
            "shadow",
            {"primary": "a", "othr": "b"},
            ["there is no key 'othr' (did you mean 'other'?)", "other is missing"],
        ),
    ],
)
def test_read_members_of_a_wrong_value_returns_every_mistake(kind: str, value: object, problems: list[str]) -> None:
    _, found = read_members(kind, value, WHERE)
    lines = [each.line() for each in found]
    assert len(lines) == len(problems)
    assert all(problem in line and line.startswith(WHERE) for problem, line in zip(problems, lines, strict=True))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["primary", "other", "a", "b"]) | st.text(max_size=3), values, max_size=3)
    ),
)


@given(st.sampled_from(["fallback", "split", "shadow"]), VALUES)
def test_read_members_of_any_value_returns_names_or_a_problem(kind: str, value: Any) -> None:
    members, problems = read_members(kind, value, WHERE)
    # One is enough, but for a shadow.
    assert problems or len(members.names) >= (2 if kind == "shadow" else 1)
    assert len(set(members.names)) == len(members.names)
    assert all(isinstance(name, str) for name in members.names)
