"""Tables fitted to a terminal, in columns as far as they fit. No word is cut, so that names and links can be copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unichat.cli.wrapping import text_width, wrap

Row = Sequence[str]
_GAP = 2


def lay_out(headings: Row, rows: Sequence[Row], width: int) -> Iterator[list[str]]:
    """Yield the lines of the head, and then those of each row.

    Columns that do not fit beside the others, with their longest word, stand below them, each with its heading.
    """
    columns = list(zip(headings, *rows, strict=True))
    narrowest = [max(_longest_word(cell) for cell in column) for column in columns]
    beside = _count_fitting(narrowest, width)
    widths = _share(narrowest[:beside], [max(map(_longest_line, column)) for column in columns[:beside]], width)
    yield [*_beside(headings[:beside], widths), "─" * min(width, sum(widths) + _GAP * (beside - 1))]
    for row in rows:
        lines = _beside(row[:beside], widths)
        for heading, cell in zip(headings[beside:], row[beside:], strict=True):
            if cell:
                lines += wrap(f"{heading}: {cell}", width, first="  ", later="    ")
        yield lines


def _count_fitting(narrowest: Sequence[int], width: int) -> int:
    total = 0
    for count, column in enumerate(narrowest):
        total += column + (_GAP if count else 0)
        if count and total > width:
            return count
    return len(narrowest)


def _share(narrowest: Sequence[int], widest: Sequence[int], width: int) -> list[int]:
    """Return the widths of columns: what each needs, or else the rest in proportion to what each would take."""
    room = width - _GAP * (len(narrowest) - 1)
    if sum(widest) <= room:
        return list(widest)
    wanted = [most - least for least, most in zip(narrowest, widest, strict=True)]
    rest = max(0, room - sum(narrowest))
    return [least + (rest * want // max(1, sum(wanted))) for least, want in zip(narrowest, wanted, strict=True)]


def _beside(cells: Row, widths: Sequence[int]) -> list[str]:
    wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for number in range(height):
        parts = [column[number] if number < len(column) else "" for column in wrapped]
        padded = [part + " " * (width - text_width(part)) for part, width in zip(parts, widths, strict=True)]
        lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def _longest_word(cell: str) -> int:
    return max(map(text_width, cell.split()), default=0)


def _longest_line(cell: str) -> int:
    return max(map(text_width, cell.splitlines()), default=0)
