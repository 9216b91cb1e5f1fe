"""A result as tables: the same rows for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bench.costs import canned, histories
from bench.costs.targets import verdicts

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _full_name(row: dict[str, Any], versions: dict[str, str]) -> str:
    version = versions.get(row.get("needs") or "")
    return f"{row['name']} ({version})" if version and row["needs"] != "unichat-bridge" else row["name"]


def _rows(
    result: Any, case: str, heads: tuple[str, ...], cells: Callable[[dict[str, Any]], tuple[str, ...]]
) -> list[Any]:
    """Return a case's rows, which are as wide as its heads, also where somebody is absent."""
    versions = result["versions"]
    return [
        (_full_name(row, versions), "absent", *[""] * (len(heads) - 2))
        if "absent" in row
        else (_full_name(row, versions), *cells(row))
        for row in result["cases"].get(case, ())
    ]


def targets(result: Any) -> Table:
    """Return the targets, and whether each was met."""
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = [
        (
            verdict.case,
            f"{'≥' if verdict.at_least else '≤'} {verdict.format(verdict.limit)} {verdict.text}".rstrip(),
            "" if verdict.figure is None else verdict.format(verdict.figure),
            words[verdict.is_met],
        )
        for verdict in verdicts(result)
    ]
    return ("Case", "Target", "Measured", ""), rows


def _calls(case: str) -> Callable[[Any], Table]:
    def table(result: Any) -> Table:
        heads = ("Client", "CPU, µs a call", "× bare requests", "Server's CPU, µs")

        def cells(row: dict[str, Any]) -> tuple[str, ...]:
            return (_number(row["cpu"]), _number(row["ratio"], 2), _number(row["server"]))

        return heads, _rows(result, case, heads, cells)

    return table


def stream(result: Any) -> Table:
    """Return the streams."""
    heads = ("Client", "CPU, µs a record", "× the cheapest loop", "First event, ms")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        first = row.get("first")
        return (
            _number(row["record"], 1),
            _number(row["ratio"], 1),
            _number(None if first is None else first / 1e3, 1),
        )

    return heads, _rows(result, "stream", heads, cells)


def history(result: Any) -> Table:
    """Return the histories."""
    looks = [f"After {rows:,} rows, MiB" for rows in histories.LOOKS]
    heads = ("Reader", "CPU, µs a row", "× json.loads", *looks)

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        grown = row.get("grown") or [None] * len(looks)
        sizes = (_number(None if each is None else each / 1024, 1) for each in grown)
        return (_number(row["row"], 1), _number(row["ratio"], 1), *sizes)

    return heads, _rows(result, "history", heads, cells)


def concurrent(result: Any) -> Table:
    """Return the calls at a time."""
    heads = ("Client", "At a time", "Share of the ideal throughput", "CPU, µs a call", "KiB for each in flight")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        # For one caller, what grows is the process itself.
        memory = None if row["callers"] == 1 else row["memory"]
        return (str(row["callers"]), f"{row['share']:.1%}", _number(row["cpu"]), _number(memory))

    return heads, _rows(result, "concurrent", heads, cells)


def turns(result: Any) -> Table:
    """Return the turns of conversations."""
    heads = ("Turn", "CPU, µs", "Time, µs", "Waits beyond the call", "KiB that each adds")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        held = row.get("held")
        return (
            _number(row.get("cpu")),
            _number(row.get("wall")),
            "" if held is None else f"{held:.1%}",
            _number(row.get("grown"), 2),
        )

    return heads, _rows(result, "turns", heads, cells)


def routes(result: Any) -> Table:
    """Return what routes add to a call."""
    heads = ("Route", "CPU, µs")
    return heads, _rows(result, "routes", heads, lambda row: (_number(row["cpu"], 1),))


def imports(result: Any) -> Table:
    """Return the imports."""
    heads = ("Import", "CPU, ms", "× requests", "Time, ms", "Memory, MiB")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        return (
            _number(row["cpu"]),
            _number(row.get("ratio"), 2),
            _number(row["wall"]),
            _number(row["size"] / 1024, 1),
        )

    return heads, _rows(result, "imports", heads, cells)


def starts(result: Any) -> Table:
    """Return the cold starts."""
    heads = ("Command", "CPU, ms", "Time, ms")
    return heads, _rows(result, "starts", heads, lambda row: (_number(row["cpu"]), _number(row["wall"])))


def ends(result: Any) -> Table:
    """Return how promptly calls end."""
    heads = ("Call", "Late by, ms, median", "Worst")
    return heads, _rows(result, "ends", heads, lambda row: (_number(row["median"], 1), _number(row["worst"], 1)))


def pieces(result: Any) -> Table:
    """Return what calls, rows and records are made of."""
    heads = ("Piece", "CPU, µs")
    return heads, _rows(result, "pieces", heads, lambda row: (_number(row["cpu"], 1),))


def machine(result: Any) -> Table:
    """Return where and how the result came about."""
    return ("", ""), [(name, str(value)) for name, value in result["run"].items()]


TABLES: dict[str, tuple[str, Callable[[Any], Table]]] = {
    "targets": ("Targets", targets),
    "machine": ("The run", machine),
    "chat": ("One chat call", _calls("chat")),
    "async-chat": ("One chat call, async", _calls("async chat")),
    "stream": (f"A streamed answer of {canned.RECORDS} records", stream),
    "history": (f"A history of {canned.RULES:,} rows in pages of {canned.PAGE_SIZE:,}", history),
    "concurrent": (f"Calls at a time, each answered after {canned.DELAY * 1000:.0f} ms", concurrent),
    "turns": ("Turns of conversations, beside their calls", turns),
    "routes": ("What a route adds to a call of its first member", routes),
    "imports": ("Imports", imports),
    "starts": ("Cold starts", starts),
    "ends": ("How promptly a call ends", ends),
    "pieces": ("What a call is made of", pieces),
}
"""By name: the title, and what makes the table."""


def as_text(result: Any) -> str:
    """Return all tables that have rows, for a terminal."""
    parts = []
    for title, made in TABLES.values():
        heads, rows = made(result)
        if rows:
            parts.append(f"{title}\n\n{_align([heads, *rows])}")
    return "\n\n".join(parts).replace("**", "")


def _align(lines: Iterable[tuple[str, ...]]) -> str:
    lines = list(lines)
    widths = [max(len(line[column].replace("**", "")) for line in lines) for column in range(len(lines[0]))]

    def cell(text: str, column: int) -> str:
        text = text.replace("**", "")
        number = text.strip("%× ").replace(",", "").replace(".", "").isdigit()
        return text.rjust(widths[column]) if number else text.ljust(widths[column])

    return "\n".join("  ".join(cell(text, column) for column, text in enumerate(line)).rstrip() for line in lines)


def as_markdown(result: Any, name: str) -> str:
    """Return one table, for the documentation."""
    heads, rows = TABLES[name][1](result)
    lines = [heads, tuple("---" if column == 0 else "--:" for column in range(len(heads))), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
