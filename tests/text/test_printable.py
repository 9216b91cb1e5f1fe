import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat._text.printable import escape_controls, format_value, is_blank, shorten

# Any code point, lone surrogates included: vendors and callers send those too.
ANYTHING = st.text(st.characters())
JOINERS = "\u200c\u200d"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(ANYTHING)
def test_nothing_that_moves_or_hides_text_is_left(text):
    for character in escape_controls(text):
        assert character in JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANYTHING)
def test_escaping_twice_changes_nothing_more(text):
    assert escape_controls(escape_controls(text)) == escape_controls(text)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_printable_text_stays_as_it_is(text):
    assert escape_controls(text) == text


@given(ANYTHING)
def test_what_is_escaped_can_be_printed(text):
    escape_controls(text).encode("utf-8")


@pytest.mark.parametrize("character", [*BIDI, "\x1b", "\r", "\n", "\x00", "\x7f", "\x9b", "\u2028", "\ufeff", "\ud800"])
def test_a_dangerous_character_shows_as_its_escape(character):
    assert escape_controls(f"a{character}b") == f"a{ascii(character)[1:-1]}b"


def test_line_ends_stay_where_the_caller_keeps_them():
    assert escape_controls("one\ntwo\r\x1b[2J", keep="\n") == "one\ntwo\\r\\x1b[2J"


def test_joiners_stay_since_emoji_and_scripts_need_them():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert escape_controls(family) == family


@given(ANYTHING, st.integers(1, 50))
def test_a_trimmed_line_is_one_short_printable_line(text, limit):
    line = shorten(text, limit)
    assert len(line) <= limit
    assert escape_controls(line) == line


def test_a_cut_is_marked():
    assert shorten("x" * 400) == "x" * 299 + "…"
    assert shorten("x" * 300) == "x" * 300


def test_a_cut_is_marked_even_where_only_blanks_come_first():
    assert shorten(" " * 5000 + "the end").endswith("…")


def test_runs_of_whitespace_become_one_space():
    assert shorten("a \t\n  b") == "a b"


def test_a_value_that_is_not_text_shows_its_repr():
    assert shorten({"a": 1}) == "{'a': 1}"
    assert format_value(5) == "5"
    assert format_value("5") == "'5'"


def test_a_broken_repr_does_not_hide_the_error_to_be_reported():
    class BrokenRepr:
        def __repr__(self):
            raise RuntimeError("no repr")

    assert format_value(BrokenRepr()) == "<BrokenRepr>"
    assert format_value([BrokenRepr()]) == "<list>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" kapa", "' kapa'"),
        ("kapa ", "'kapa '"),
        ("a  b", "'a  b'"),
        ("kapa\n", r"'kapa\n'"),
        ("\tkapa", r"'\tkapa'"),
        ("kapa\xa0", r"'kapa\xa0'"),
        ("\u3000kapa", r"'\u3000kapa'"),
        ("\u200bkapa", r"'\u200bkapa'"),
        ("", "''"),
        (" ", "' '"),
    ],
)
def test_a_quoted_text_shows_the_blanks_around_it(text, shown):
    assert format_value(text) == shown


@given(ANYTHING, st.integers(1, 50))
def test_a_quoted_text_is_short_and_printable(text, limit):
    line = format_value(text, limit)
    assert len(line) <= limit + 2
    assert escape_controls(line) == line


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u200b", "\ufeff", "\u200d\ufe0f", "\u3164", "\u2800", "\xa0\u3000", "\xad"]
)
def test_a_text_of_which_nothing_can_be_seen_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "\u200ba", " .", "\U0001f468\u200d\U0001f469", "\x1b", "\u0301", "\ud800"])
def test_a_text_of_which_something_can_be_seen_is_not(text):
    assert not is_blank(text)
