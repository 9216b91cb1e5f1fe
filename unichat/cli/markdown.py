"""Markdown on a terminal: headings, lists, quotes and code as such, with every link and word whole.

Not by rich, which breaks a link that is longer than the line, and in quotes cuts it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from markdown_it import MarkdownIt
from markdown_it.token import Token

from unichat.cli.markdown_words import CODE, paragraph_words, split_at_breaks
from unichat.cli.wrapping import fill, text_width

_PARSER = MarkdownIt("commonmark").enable("table")
_QUOTE = click.style("│", dim=True) + " "


def render_markdown(text: str, width: int, *, links: bool = True) -> str:
    """Return a Markdown text with styles, wrapped. Tables and HTML are left as they are written.

    Args:
        text: the source, control characters escaped.
        width: the columns of the terminal.
        links: whether addresses are shown after the texts that link to them.
    """
    return "\n".join(_Renderer(text.split("\n"), width, links=links).render(_PARSER.parse(text)))


def plain_text(text: str) -> str:
    """Return a Markdown text in one line without its marks, addresses and blocks of code, for an excerpt."""
    words = [word for token in _PARSER.parse(text) for word in paragraph_words(token.children or [], links=False)]
    return " ".join(click.unstyle(" ".join(words)).split())


class _Renderer:
    """Makes lines of a text's blocks: a method for each type of token. Lines within quotes and lists have a prefix."""

    def __init__(self, source: Sequence[str], width: int, *, links: bool) -> None:
        self._source = source
        self._width = width
        self._links = links
        self._lines: list[str] = []
        self._prefixes = [""]
        """Those of the blocks that are open, each with those around it."""
        self._marker: str | None = None
        """The prefix of a list item's first line, until that is written."""
        self._numbers: list[int | None] = []
        """The next number of each list that is open; None for one with bullets."""
        self._is_heading = False

    def render(self, tokens: Iterable[Token]) -> list[str]:
        """Return the lines of these tokens."""
        within_table = False
        for token in tokens:
            within_table = (within_table or token.type == "table_open") and token.type != "table_close"
            if not within_table or token.type == "table_open":
                method = getattr(self, f"_{token.type}", None)
                if method is not None:
                    method(token)
        while self._lines and not click.unstyle(self._lines[-1]).strip("│ "):
            self._lines.pop()
        return self._lines

    def _inline(self, token: Token) -> None:
        words = paragraph_words(token.children or [], links=self._links)
        if self._is_heading:
            words = [click.style(word, bold=True) for word in words]
        for line in split_at_breaks(words):
            self._lines += fill(line, self._width, first=self._take_prefix(), later=self._prefixes[-1])

    def _fence(self, token: Token) -> None:
        self._write(f"  {click.style(line, **CODE)}" if line else "" for line in token.content.splitlines())

    _code_block = _fence

    def _html_block(self, token: Token) -> None:
        begin, end = token.map or (0, 0)
        self._write(line.rstrip().lstrip(" >") for line in self._source[begin:end])

    _table_open = _html_block

    def _hr(self, _: Token) -> None:
        self._write(["─" * max(3, self._width - text_width(self._prefixes[-1]))])

    def _heading_open(self, _: Token) -> None:
        self._is_heading = True

    def _heading_close(self, _: Token) -> None:
        self._is_heading = False
        self._end_block()

    def _paragraph_close(self, token: Token) -> None:
        # It is hidden in a list whose items have no blank lines between them.
        if not token.hidden:
            self._end_block()

    def _blockquote_open(self, _: Token) -> None:
        if self._marker is not None:
            self._marker += _QUOTE
        self._prefixes.append(self._prefixes[-1] + _QUOTE)

    def _blockquote_close(self, _: Token) -> None:
        self._close()

    def _bullet_list_open(self, _: Token) -> None:
        self._numbers.append(None)

    def _ordered_list_open(self, token: Token) -> None:
        self._numbers.append(int(token.attrGet("start") or 1))

    def _bullet_list_close(self, _: Token) -> None:
        self._numbers.pop()
        self._end_block()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, _: Token) -> None:
        number = self._numbers[-1]
        sign = "• " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1
        self._marker = self._take_prefix() + sign
        self._prefixes.append(self._prefixes[-1] + " " * len(sign))

    def _list_item_close(self, _: Token) -> None:
        self._close()

    def _close(self) -> None:
        self._marker = None
        self._prefixes.pop()
        if self._lines and not click.unstyle(self._lines[-1]).strip("│ "):
            # The blank line after the last of what is within is not within.
            self._lines[-1] = self._prefixes[-1].rstrip()

    def _write(self, lines: Iterable[str]) -> None:
        self._lines += [f"{self._take_prefix()}{line}".rstrip() for line in lines]
        self._end_block()

    def _take_prefix(self) -> str:
        prefix, self._marker = self._prefixes[-1] if self._marker is None else self._marker, None
        return prefix

    def _end_block(self) -> None:
        if self._lines and click.unstyle(self._lines[-1]).strip("│ "):
            self._lines.append(self._prefixes[-1].rstrip())
