"""Wraps text at its blanks: a word that is longer than the line, such as a link, is left whole."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Sequence

import click


def terminal_width() -> int:
    """Return the columns of the terminal."""
    return max(20, shutil.get_terminal_size().columns)


def text_width(text: str) -> int:
    """Return how many columns a text takes, its styles left out."""
    plain = click.unstyle(text)
    if plain.isascii():
        return len(plain)
    return sum(map(_character_width, plain))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, width: int, *, first: str = "", later: str = "") -> list[str]:
    """Return the lines of a text, each of its own lines wrapped; an empty text is one empty line.

    Args:
        width: of the lines, prefix included.
        first: the prefix of the first line.
        later: the prefix of all others.
    """
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        lines += fill(line.split(), width, first=later if lines else first, later=later)
    return lines


def fill(words: Sequence[str] | Iterable[str], width: int, *, first: str = "", later: str = "") -> list[str]:
    """Return lines of these words, which may have styles; a word that does not fit has a line of its own."""
    lines: list[str] = []
    line, room = first, width - text_width(first)
    is_empty = True
    for word in words:
        needed = text_width(word) + (0 if is_empty else 1)
        if needed > room and not is_empty:
            lines.append(line)
            line, room, is_empty = later, width - text_width(later), True
            needed = text_width(word)
        line += word if is_empty else f" {word}"
        room -= needed
        is_empty = False
    return [*lines, line]
