"""How commands print: text that is safe on a terminal, JSON, tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from unichat._text.printable import escape_controls
from unichat.cli.failures import print_line

if TYPE_CHECKING:
    from unichat.models import Answer, Exchange, FeedbackReceipt, Source

STYLES = {"ok": "green", "warning": "yellow", "unsupported": "yellow", "failed": "red", "skipped": "bright_black"}
"""The colour of each outcome, where there are colours."""


def printable(text: str) -> str:
    """Return a vendor's text with its control characters escaped, except for line ends and tabs."""
    return escape_controls(text.replace("\r\n", "\n"), keep="\n\t")


def print_text(text: str = "") -> None:
    """Print text on standard output, control characters escaped."""
    click.echo(printable(text))


def print_note(text: str) -> None:
    """Print on standard error what is not part of the result."""
    text = printable(text)
    if sys.stderr.isatty():
        from unichat.cli.wrapping import terminal_width, wrap

        text = "\n".join(wrap(text, terminal_width()))
    print_line(text)


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
    if is_terminal():
        _draw_table(headings, safe)
        return
    lines = [list(headings), *([_single_line(cell) for cell in row] for row in safe)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(map(str.ljust, line, widths)).rstrip())


def _draw_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Imported here, as most output is read by programs.
    from unichat.cli.tables import lay_out
    from unichat.cli.wrapping import terminal_width

    bold = [click.style(each, bold=True) for each in headings]
    parts = list(lay_out(bold, [[_style_cell(cell) for cell in row] for row in rows], terminal_width()))
    end = "\n\n" if any(len(part) > 1 for part in parts[1:]) else "\n"
    click.echo("\n".join(parts[0]))
    click.echo(end.join("\n".join(part) for part in parts[1:]))


def _style_cell(cell: str) -> str:
    first, end, rest = cell.partition("\n")
    color = STYLES.get(first)
    return (click.style(first, fg=color) if color else first) + end + rest


def print_markdown(text: str, *, links: bool = True) -> None:
    """Print a vendor's text: rendered on a terminal, elsewhere as it came. Without `links`, addresses are left out."""
    safe = printable(text)
    if is_terminal():
        with suppress(ModuleNotFoundError):
            from unichat.cli.markdown import render_markdown
            from unichat.cli.wrapping import terminal_width

            safe = render_markdown(safe, terminal_width(), links=links)
    click.echo(safe)


def _single_line(text: str) -> str:
    return " ".join(text.split())


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return what `--json` shows of an answer: `ref` as `feedback` takes it, `thread` as `--thread` takes it.

    `profile` is the profile that answered, where several could have.
    """
    return {
        "text": answer.text,
        "id": answer.id,
        "ref": None if answer.ref is None else str(answer.ref),
        "thread": None if answer.thread is None else str(answer.thread),
        "sources": [{"url": source.url, "title": source.title} for source in answer.sources],
        "profile": answer.profile,
    }


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """Return what `--json` shows of an exchange."""
    return {
        "question": exchange.question,
        "answer": exchange.answer,
        "id": exchange.id,
        "ref": None if exchange.ref is None else str(exchange.ref),
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
        _print_parts([_single_line(part) for part in parts if part] or ["(a source without a name)"])


def _print_parts(parts: Sequence[str]) -> None:
    """Print parts in one line, or where that is too long for a terminal, each on its own."""
    line = "  " + "  ".join(parts)
    if is_terminal():
        from unichat.cli.wrapping import terminal_width, text_width, wrap

        width = terminal_width()
        if text_width(line) > width:
            for number, part in enumerate(parts):
                indent = "    " if number else "  "
                for each in wrap(printable(part), width, first=indent, later="    "):
                    click.echo(each)
            return
    print_text(line)


def print_caveats(answer: Answer) -> None:
    """Print on standard error why an answer may be wrong or asked twice."""
    if answer.uncertain:
        print_note("note: the vendor marks this answer as uncertain")
    if answer.maybe_duplicated:
        print_note("note: an earlier attempt failed after it may have asked, so the question may have been asked twice")
    if answer.carried_over:
        print_note(f"note: sent to {answer.profile} with the question: earlier exchanges ({answer.carried_over})")


def print_exchange(exchange: Exchange, *, thread: bool = False) -> None:
    """Print one question with its answer, and its `thread` in the form that `--thread` takes."""
    time = exchange.created_at
    parts = (
        "" if time is None else f"{time:%Y-%m-%d %H:%M:%S %Z}",
        "" if exchange.id is None else f"answer {exchange.ref or exchange.id}",
        ", ".join(f"rated {each.rating.value}" for each in exchange.feedback),
        "cleared" if exchange.cleared else "",
    )
    print_heading("  ".join(_single_line(part) for part in parts if part) or "answer without an id")
    if thread and exchange.thread is not None:
        print_text(f"thread {exchange.thread}")
    print_text("\n".join(f"> {line}" for line in exchange.question.splitlines()))
    print_markdown(exchange.answer)
    print_text()
