"""The words of a Markdown paragraph, with their styles, so that lines can be broken between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from unichat._text.printable import escape_controls

if TYPE_CHECKING:
    from markdown_it.token import Token

CODE: Mapping[str, Any] = {"fg": "cyan"}
"""The style of code."""
_STYLES: Mapping[str, Mapping[str, Any]] = {"strong": {"bold": True}, "em": {"italic": True}}
_BREAK = "\n"


def paragraph_words(tokens: Sequence[Token], *, links: bool) -> list[str]:
    """Return the words of a paragraph; a line break that the author wanted is a word of its own.

    Args:
        tokens: the children of an `inline` token.
        links: whether addresses are shown after the texts that link to them.
    """
    styled = ""
    styles: list[Mapping[str, Any]] = []
    targets: list[tuple[str, int]] = []
    for token in tokens:
        match token.type:
            case "code_inline":
                styled += _style_words(token.content, [*styles, CODE])
            case "softbreak":
                styled += " "
            case "hardbreak":
                styled += f" {_BREAK} "
            case "link_open":
                targets.append((escape_controls(str(token.attrGet("href") or "")), len(styled)))
                styles.append({"underline": True})
            case "link_close":
                styles.pop()
                address, begin = targets.pop()
                if links and address and click.unstyle(styled[begin:]) != address:
                    styled += f" ({address})"
            case "strong_open" | "em_open":
                styles.append(_STYLES[token.type.removesuffix("_open")])
            case "strong_close" | "em_close":
                styles.pop()
            case _:
                styled += _style_words(token.content, styles)
    return [word for word in re.split(" +", styled) if word]


def split_at_breaks(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield the words of each line that the author wanted."""
    line: list[str] = []
    for word in words:
        if word == _BREAK:
            yield line
            line = []
        else:
            line.append(word)
    yield line


def _style_words(text: str, styles: Sequence[Mapping[str, Any]]) -> str:
    merged: dict[str, Any] = {}
    for each in styles:
        merged.update(each)
    # A reference such as &#27; has become the character.
    text = escape_controls(text)
    if not merged:
        return text
    parts = re.split(r"(\s+)", text)
    return "".join(click.style(part, **merged) if part.strip() else part for part in parts)
