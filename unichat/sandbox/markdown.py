"""How documents are parsed: CommonMark with tables, and of HTML the text that a reader would see."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from html.parser import HTMLParser

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

_INVISIBLE = frozenset({"script", "style", "template", "title"})
_BLOCKS = """
    address article aside blockquote br caption center dd details dialog div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol option p pre section summary table tbody tfoot thead tr ul
"""
_BLOCK_TAGS = frozenset(_BLOCKS.split())
_CELLS = frozenset({"td", "th"})


@frozen
class Heading:
    """A heading: its level (1 to 6), its plain text, its id (unique in the document), its lines."""

    level: int
    text: str
    anchor: str
    first_line: int
    end_line: int


def parse(text: str) -> list[Token]:
    """Return the tokens of a document: the same for its passages and for its page, so that both have the same ids."""
    return _MARKDOWN.parse(text)


def render(tokens: Sequence[Token]) -> str:
    """Return a document's HTML, in which each heading has its id. HTML of the document's own is shown as its text."""
    anchors = {id(token): heading.anchor for token, heading in _find_headings(tokens)}
    for token in tokens:
        if id(token) in anchors:
            token.attrSet("id", anchors[id(token)])
    rendered: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return rendered


def headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Yield the headings outside of quotes and lists, in order."""
    return (heading for _, heading in _find_headings(tokens))


def html_text(html: str) -> str:
    """Return the text of a piece of HTML: a line for each block, without comments, scripts and styles."""
    reader = _TextReader()
    # Browsers take a marked section such as CDATA for a comment; the parser fails at unknown ones.
    reader.feed(re.sub(r"<!\[[^>]*>?", "", html))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _TextReader(HTMLParser):
    """Collects what a reader would see; a block begins a new line."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._invisible = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INVISIBLE:
            self._invisible += 1
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _INVISIBLE and self._invisible:
            self._invisible -= 1
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        if not self._invisible:
            self.parts.append(data)

    def _separate(self, tag: str) -> None:
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")
        elif tag in _CELLS:
            self.parts.append(" ")


def _find_headings(tokens: Sequence[Token]) -> Iterator[tuple[Token, Heading]]:
    taken: set[str] = set()
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            text = _plain_text(tokens[number + 1])
            anchor = _make_anchor(text, taken)
            taken.add(anchor)
            yield token, Heading(int(token.tag[1]), text, anchor, token.map[0], token.map[1])


def _make_anchor(text: str, taken: set[str]) -> str:
    words = re.sub(r"[^\w\s-]", "", unicodedata.normalize("NFC", text).lower()).strip()
    slug = re.sub(r"\s+", "-", words) or "section"
    anchor, number = slug, 0
    # A heading may also be called as another one with its number.
    while anchor in taken:
        number += 1
        anchor = f"{slug}-{number}"
    return anchor


def _plain_text(inline: Token) -> str:
    return "".join(
        child.content if child.type in ("text", "code_inline") else " " if child.type.endswith("break") else ""
        for child in inline.children or []
    ).strip()


def _render_html_block(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    text = html_text(tokens[index].content)
    return "<p>" + escape(text).replace("\n", "<br>\n") + "</p>\n" if text else ""


def _render_html_inline(*_: object) -> str:
    return ""


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.add_render_rule("html_block", _render_html_block)
    parser.add_render_rule("html_inline", _render_html_inline)
    return parser


_MARKDOWN = _make_parser()
