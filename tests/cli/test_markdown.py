"""Markdown on a terminal."""

from __future__ import annotations

import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.cli.markdown import plain_text, render_markdown

URL = "http://docs.example/a/very/long/address/that/fits/in/no/line.html#at-all"


def render(text, width=40, **how):
    return click.unstyle(render_markdown(text, width, **how))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("one\ntwo", "one two"),
        ("one  \ntwo", "one\ntwo"),
        ("# Title\n\ntext", "Title\n\ntext"),
        ("**bold** and *italic* and `code`", "bold and italic and code"),
        ("- one\n- two\n  - three", "• one\n• two\n  • three"),
        ("- one\n\n- two", "• one\n\n• two"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("> quoted\n>\n> - a\n> - b\n\nafter", "│ quoted\n│\n│ • a\n│ • b\n\nafter"),
        ("- > quoted", "• │ quoted"),
        ("```\n  a  b\n\nc\n```", "    a  b\n\n  c"),
        ("    code", "  code"),
        ("| a | b |\n| - | - |\n| 1 | 2 |\n\nafter", "| a | b |\n| - | - |\n| 1 | 2 |\n\nafter"),
        ("<b>x</b> y", "<b>x</b> y"),
        ("<div>\nx\n</div>", "<div>\nx\n</div>"),
        ("one\n\n---\n\ntwo", f"one\n\n{'─' * 40}\n\ntwo"),
        ("![picture](a.png)", "picture"),
        ("", ""),
        ("2 * 3 * 4 < 5 & 6", "2 * 3 * 4 < 5 & 6"),
    ],
)
def test_each_kind_of_block_is_shown_as_such(text, shown):
    assert render(text) == shown


@pytest.mark.parametrize("around", ["{}", "> {}", "- {}", "# {}", "1. > - {}"])
@pytest.mark.parametrize("link", [f"[the page]({URL})", f"<{URL}>", f"[`{URL}`]({URL})"])
@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_link_is_never_cut(around, link, width):
    shown = render(around.format(f"See {link} for more."), width)
    assert URL in shown
    assert shown.count(URL) == 1


def test_without_links_only_their_texts_are_shown():
    assert render(f"See [the page]({URL}).", links=False) == "See the page."


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=15), min_size=1), st.integers(20, 80))
def test_a_paragraph_keeps_its_words_and_fits(words, width):
    shown = render(" ".join(words), width)
    assert shown.split() == words
    assert max(map(len, shown.split("\n"))) <= width


@pytest.mark.parametrize("text", ["&#27;[31mred", "&#x202e;", "[a](http://x/&#27;)", "`&#27;`", "**&#7;**", "&#10;"])
def test_a_character_reference_does_not_bring_in_control_characters(text):
    for character in render(text):
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cf")


@given(st.text(st.characters()), st.integers(20, 80))
def test_any_text_is_rendered(text, width):
    shown = render(escape_controls(text, keep="\n\t"), width)
    assert escape_controls(shown, keep="\n\t") == shown


def test_an_excerpt_has_neither_marks_nor_addresses_nor_code():
    text = f"# Title\n\nSee [the **page**]({URL}):\n\n> quoted `code`\n\n```\nblock\n```\n"
    assert plain_text(text) == "Title See the page: quoted code"
