"""Wrapping, tables and Markdown for a terminal."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.cli.tables import lay_out
from unichat.cli.wrapping import fill, text_width, wrap

WORDS = st.lists(st.text("abcé日", min_size=1, max_size=12), max_size=12)


@given(WORDS, st.integers(1, 30))
def test_wrapping_keeps_each_word_whole_and_in_order(words, width):
    lines = fill(words, width)
    assert " ".join(lines).split() == words
    assert all(text_width(line) <= width or " " not in line for line in lines)


def test_a_text_keeps_its_own_lines_and_gets_prefixes():
    assert wrap("one two\nthree four", 10, first="- ", later="  ") == ["- one two", "  three", "  four"]
    assert wrap("", 10) == [""]


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("a\u200db", 2), (click.style("abc", bold=True), 3)],
)
def test_the_width_of_a_text_is_what_a_terminal_shows(text, width):
    assert text_width(text) == width


CELL = st.lists(st.text("abc", min_size=1, max_size=20), max_size=4).map(" ".join)
CELLS = st.lists(st.tuples(CELL, CELL, CELL), max_size=4)


@given(CELLS, st.integers(20, 80))
def test_a_table_keeps_each_word_whole(rows, width):
    parts = list(lay_out(("one", "two", "three"), rows, width))
    assert len(parts) == len(rows) + 1
    for row, lines in zip(rows, parts[1:], strict=True):
        shown = " ".join(lines).split()
        assert all(shown.count(word) >= 1 for cell in row for word in cell.split())
        assert all(text_width(line) <= width or max(map(text_width, line.split())) > width - 6 for line in lines)


def test_a_table_that_fits_has_its_columns_side_by_side():
    (head, row) = lay_out(("name", "value"), [("a", "b c")], 80)
    assert (head, row) == (["name  value", "─" * 11], ["a     b c"])


def test_the_last_column_is_wrapped_beside_the_others():
    (_, row) = lay_out(("name", "value"), [("alpha", "one two three")], 16)
    assert row == ["alpha  one two", "       three"]


def test_what_does_not_fit_beside_stands_below_with_its_heading():
    (head, row) = lay_out(("name", "kind", "path"), [("alpha", "GET", "/a/very/long/path")], 20)
    assert head[0] == "name   kind"
    assert row == ["alpha  GET", "  path:", "    /a/very/long/path"]
