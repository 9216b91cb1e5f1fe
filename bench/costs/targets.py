"""The targets, and whether a result meets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from bench.costs import streams
from bench.costs.cases import Row, by_name


@frozen
class Verdict:
    """One target.

    Attributes:
        text: what the limit is a multiple of; empty where it is an amount of its own.
        figure: what was measured; None where the result lacks it.
    """

    case: str
    text: str
    limit: float
    figure: float | None
    unit: str = "×"
    at_least: bool = False

    def format(self, value: float) -> str:
        """Return a limit or a figure as the tables show it."""
        return f"{value:.2f} ×" if self.text else f"{value:,.{0 if self.limit >= 10 else 2}f} {self.unit}".rstrip()

    @property
    def is_met(self) -> bool | None:
        """Whether the figure meets the target; None where there is none."""
        if self.figure is None:
            return None
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def _ratio(rows: dict[str, Row], name: str, key: str, base: str | None = None, base_key: str | None = None) -> Any:
    """Return a figure, or its ratio to another row's; None where either is absent."""
    figure = rows.get(name, {}).get(key)
    if base is None or figure is None:
        return figure
    against = rows.get(base, {}).get(base_key or key)
    return figure / against if against else None


def verdicts(result: Any) -> Iterator[Verdict]:
    """Yield every target with its figure."""
    chat, tasks, stream = by_name(result, "chat"), by_name(result, "async chat"), by_name(result, "stream")
    sync, asynchronous = "unichat, Kapa", "async unichat, Kapa"
    yield Verdict("sync chat call", "bare requests", 0.75, _ratio(chat, sync, "ratio"))
    yield Verdict("sync chat call", "openai", 0.60, _ratio(chat, sync, "ratio", "openai"))
    yield Verdict("async chat call", "bare requests", 0.40, _ratio(tasks, asynchronous, "ratio"))
    yield Verdict("async chat call", "async openai", 0.35, _ratio(tasks, asynchronous, "ratio", "async openai"))
    for what, rows, whole, part in (
        ("sync", chat, sync, "unichat's own transport"),
        ("async", tasks, asynchronous, "async unichat's own transport"),
    ):
        top = _difference(rows, whole, part)
        yield Verdict(f"policy, models and adapter on top of the {what} transport", "bare requests", 0.10, top)
    yield Verdict("stream, CPU per record", "openai", 0.50, _ratio(stream, sync, "record", "openai"))
    yield Verdict("stream, CPU per record", streams.LOOP, 1.50, _ratio(stream, sync, "ratio"))
    history = by_name(result, "history")
    for backend in ("Kapa", "Kadal"):
        rows = history.get(f"unichat, {backend}", {})
        yield Verdict(f"history of {backend}, CPU per row", "json.loads alone", 1.30, rows.get("ratio"))
        grown = rows.get("grown")
        later = None if grown is None else max(0.0, grown[-1] - grown[1]) / max(grown[0], 1)
        yield Verdict(f"history of {backend}, memory from row 30,000 to the last", "one page", 1.0, later)
    many = {row["name"]: row for row in result["cases"].get("concurrent", ()) if row["callers"] == 256}
    many = {name: row for name, row in many.items() if "absent" not in row}
    tasks_name = "async unichat, tasks"
    share = _ratio(many, tasks_name, "share")
    yield Verdict("256 async calls at a time", "the ideal throughput", 0.95, share, at_least=True)
    memory = _ratio(many, tasks_name, "memory", "aiohttp, tasks")
    yield Verdict("256 async calls at a time, memory of each", "aiohttp", 1.50, memory)
    turns = by_name(result, "turns")
    for store, cpu, wall in (("SQLite", 300.0, 2_000.0), ("PostgreSQL", 1_500.0, None)):
        row = turns.get(f"a turn, {store}", {})
        case = f"turn of a conversation in {store}, beside the call"
        yield Verdict(f"{case}, CPU", "", cpu, row.get("cpu"), "µs")
        if wall is not None:
            yield Verdict(f"{case}, time", "", wall, row.get("wall"), "µs")
    crowd = turns.get("1,000 conversations at once", {})
    yield Verdict("1,000 conversations at once, waits beyond the call", "the call", 0.10, crowd.get("held"))
    yield Verdict("1,000 conversations at once, memory that each turn adds", "", 1.0, crowd.get("grown"), "KiB")
    routes = by_name(result, "routes")
    for name in ("fallback", "split"):
        added = routes.get(name, {}).get("cpu")
        yield Verdict(f"call through the first member of a {name}, beyond the member's own, CPU", "", 25.0, added, "µs")
    yield Verdict("import unichat", "import requests", 0.50, _ratio(by_name(result, "imports"), "unichat", "ratio"))


def _difference(rows: dict[str, Row], whole: str, part: str) -> float | None:
    figures = [rows.get(name, {}).get("ratio") for name in (whole, part)]
    return None if None in figures else figures[0] - figures[1]
