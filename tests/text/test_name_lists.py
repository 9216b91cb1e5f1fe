"""Lists of names in messages."""

from __future__ import annotations

import pytest

from unichat._text.name_lists import list_names

MANY = ["attempts", "backoff", "base_url", "breaker", "connections", "deadline", "hooks", "idle", "rate", "replay"]


@pytest.mark.parametrize("count", [1, 8])
def test_a_short_list_is_whole(count):
    names = MANY[:count]
    assert list_names("x", names, label="Accepted", where="the page") == f"Accepted: {', '.join(names)}."


def test_a_list_of_nothing_says_so():
    assert list_names("x", [], label="Installed", where="the page") == "Installed: none."


def test_of_a_long_list_the_nearest_three_are_shown_nearest_first():
    listed = list_names("Dead-line", MANY, label="Accepted", where="the page")
    assert listed.startswith("Accepted: deadline, ")
    assert listed.count(",") == 4
    assert listed.endswith(", and 7 more, which the page lists.")
