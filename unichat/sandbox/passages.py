"""Splits Markdown into passages: at headings, then by length, with code fences kept whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote

from attrs import frozen
from markdown_it.token import Token

from unichat.sandbox.documents import Document
from unichat.sandbox.markdown import Heading, headings, html_text, parse

USUAL_LENGTH = 1200
"""Limit of a passage in characters, unless a code fence needs more."""
FENCE_LENGTH = 4000
"""Limit of a code fence in characters; a longer one is split into fences of this length."""


@frozen
class Passage:
    """A piece of a document under one heading.

    `title` is the path of headings (`Guide › Retries`), `anchor` the last one as an HTML id (empty before the first).
    """

    document: str
    title: str
    anchor: str
    text: str

    @property
    def path(self) -> str:
        """The passage's path in the docs folder, as a URL has it: `guide/start.md#retries`, `c%23.md#array`."""
        page = quote(self.document)
        return f"{page}#{quote(self.anchor)}" if self.anchor else page


@lru_cache(maxsize=256)
def split_into_passages(document: Document) -> tuple[Passage, ...]:
    """Split one document into passages, in reading order; passages without words are left out.

    The passages of the last documents are kept: a test suite starts one sandbox after the other on the same ones.
    """
    lines = document.text.split("\n")
    tokens = parse(document.text)
    blocks = [
        (token, token.map[0], token.map[1]) for token in tokens if token.level == 0 and token.map and _is_prose(token)
    ]
    fence_lines = _lines_inside_fences(tokens)
    passages: list[Passage] = []
    start = Heading(0, "", "", 0, 0)
    path: list[Heading] = []
    marks = [start, *headings(tokens)]
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        path = [above for above in path if above.level < mark.level] + ([mark] if mark.text else [])
        end = after.first_line if after else len(lines)
        units = [
            unit
            for block, first_line, end_line in blocks
            if mark.end_line <= first_line < end
            for unit in _split_block(block, first_line, lines[first_line:end_line], fence_lines)
        ]
        title = _make_title(document, path)
        passages += [Passage(document.name, title, mark.anchor, text) for text in _pack(units)]
    return tuple(passages)


def _is_prose(block: Token) -> bool:
    # MyST's directives are not: a table of contents names every subject and would match every question.
    return not block.type.startswith("heading") and not (block.type == "fence" and block.info.strip().startswith("{"))


def _make_title(document: Document, path: Sequence[Heading]) -> str:
    """Return the headings that lead to a passage, below the title of the front matter unless the page repeats that."""
    names = [heading.text for heading in path]
    if document.title and (not path or (path[0].level > 1 and names[0] != document.title)):
        names.insert(0, document.title)
    return " › ".join(names) or document.name


def _lines_inside_fences(tokens: Iterable[Token]) -> set[int]:
    return {
        line
        for token in tokens
        if token.type in ("fence", "code_block") and token.map
        for line in range(token.map[0] + 1, token.map[1])
    }


def _split_block(block: Token, first_line: int, lines: list[str], fence_lines: set[int]) -> Iterator[str]:
    """Yield the pieces of one block, or the block itself if it is short enough."""
    if block.type == "html_block":
        lines = html_text(block.content).split("\n")
    text = "\n".join(lines).rstrip()
    if len(text) <= USUAL_LENGTH or (block.type == "fence" and len(text) <= FENCE_LENGTH):
        yield text
        return
    opening, closing = (lines[0], block.markup) if block.type == "fence" else ("", "")
    piece: list[str] = []
    limit = FENCE_LENGTH if block.type == "fence" else USUAL_LENGTH
    for number, line in enumerate(lines, start=first_line):
        may_cut = number not in fence_lines or block.type == "fence"
        if piece and may_cut and sum(map(len, piece)) + len(piece) + len(line) > limit:
            yield "\n".join([*piece, closing]).rstrip()
            piece = [opening] if opening else []
        piece.append(line)
    yield "\n".join(piece).rstrip()


def _pack(units: Iterable[str]) -> Iterator[str]:
    """Join short pieces up to the usual length, and cut pieces without a line end to cut at."""
    passage = ""
    for unit in units:
        if passage and len(passage) + len(unit) > USUAL_LENGTH:
            yield from _cut(passage)
            passage = ""
        passage = f"{passage}\n\n{unit}" if passage else unit
    yield from _cut(passage)


def _cut(passage: str) -> Iterator[str]:
    limit = 2 * FENCE_LENGTH
    for start in range(0, len(passage), limit):
        piece = passage[start : start + limit]
        if re.search(r"\w", piece):
            yield piece
