"""How commands print: text that is safe on a terminal, JSON, tables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from unichat._text.printable import escaped
from unichat.cli.failures import print_line

if TYPE_CHECKING:
    from rich.text import Text

    from unichat.models import Answer, Exchange, FeedbackReceipt, Source

STYLES = {"ok": "green", "warning": "yellow", "unsupported": "yellow", "failed": "red", "skipped": "bright_black"}
"""The colour of each outcome, where there are colours."""


def printable(text: str) -> str:
    """Return a vendor's text with its control characters escaped, except for line ends and tabs."""
    return escaped(text.replace("\r\n", "\n"), keep="\n\t")


def print_text(text: str = "") -> None:
    """Print text on standard output, control characters escaped."""
    click.echo(printable(text))


def print_note(text: str) -> None:
    """Print on standard error what is not part of the result."""
    print_line(printable(text))


def print_heading(text: str) -> None:
    """Print a line that stands out on a terminal."""
    click.secho(printable(text), bold=True)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON in ASCII: nothing in it can reach the terminal as a control character."""
    click.echo(json.dumps(value, indent=indent))


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def is_watched() -> bool:
    """Return whether somebody sees all that is printed, notes included, and can type."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: fitted to the width of a terminal, elsewhere in aligned columns with one line for each row."""
    safe = [[printable(cell) for cell in row] for row in rows]
    if not is_terminal() or not _draw_table(headings, safe):
        lines = [list(headings), *([_single_line(cell) for cell in row] for row in safe)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            click.echo("  ".join(map(str.ljust, line, widths)).rstrip())


def _draw_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Draw the table with rich; return False if that is not installed."""
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Column, Table
        from rich.text import Text
    except ImportError:
        return False
    # Under NO_COLOR, rich still emits the escape sequences of bold and dim.
    console = Console(color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False)
    table = Table(
        *(Column(Text(each), overflow="fold") for each in headings),
        box=box.SIMPLE_HEAD,
        show_lines=any("\n" in cell for row in rows for cell in row),
    )
    for row in rows:
        table.add_row(*(_style_cell(cell) for cell in row))
    console.print(table)
    return True


def _style_cell(cell: str) -> Text:
    from rich.text import Text

    first, end, rest = cell.partition("\n")
    return Text.assemble((first, STYLES.get(first, "")), end, rest)


def _single_line(text: str) -> str:
    return " ".join(text.split())


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return what `--json` shows of an answer; the thread has the form that `--thread` takes."""
    return {
        "text": answer.text,
        "id": answer.id,
        "thread": None if answer.thread is None else str(answer.thread),
        "sources": [{"url": source.url, "title": source.title} for source in answer.sources],
    }


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """Return what `--json` shows of an exchange."""
    return {
        "question": exchange.question,
        "answer": exchange.answer,
        "id": exchange.id,
        "thread": None if exchange.thread is None else str(exchange.thread),
        "created_at": None if exchange.created_at is None else exchange.created_at.isoformat(),
    }


def print_receipt(receipt: FeedbackReceipt) -> None:
    """Say that an answer was rated, or that it was not."""
    if receipt.sent:
        print_text(f"Rated {receipt.answer_id} {receipt.rating.value}.")
    else:
        print_note("note: not sent, since the vendor takes no ratings")


def print_sources(sources: Sequence[Source], *, links: bool = True) -> None:
    """Print the sources of an answer, if it has any; without `links`, only the titles of those that have one."""
    if sources:
        print_text()
        print_heading("Sources")
    for source in sources:
        parts = (source.title, source.url) if links or not source.title else (source.title,)
        print_text("  " + "  ".join(_single_line(part) for part in parts if part))


def print_caveats(answer: Answer) -> None:
    """Print on standard error why an answer may be wrong or asked twice."""
    if answer.uncertain:
        print_note("note: the vendor marks this answer as uncertain")
    if answer.maybe_duplicated:
        print_note("note: an earlier attempt failed after it may have asked, so the question may have been asked twice")


def print_exchange(exchange: Exchange) -> None:
    """Print one question with its answer."""
    time = exchange.created_at
    parts = (
        "" if time is None else f"{time:%Y-%m-%d %H:%M:%S %Z}",
        "" if exchange.id is None else f"answer {exchange.id}",
        ", ".join(f"rated {each.rating.value}" for each in exchange.feedback),
        "cleared" if exchange.cleared else "",
    )
    print_heading("  ".join(_single_line(part) for part in parts if part) or "answer without an id")
    print_text("\n".join(f"> {line}" for line in exchange.question.splitlines()))
    print_text(exchange.answer)
    print_text()
