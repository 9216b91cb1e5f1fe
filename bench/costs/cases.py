"""The cases: each runs against a stub of its own and returns its rows, as JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from attrs import frozen

from bench.costs import canned, concurrency, contestants, starting, streams
from bench.costs.processes import Durations, Stub, rounds, run_module

Row = dict[str, Any]

BARE = contestants.BARE


@frozen
class Effort:
    """How much is done.

    Attributes:
        sittings: times that all processes are started anew.
        rounds: in each sitting.
        seconds: of one contestant's turn.
        repeats: of what is measured in a fresh process each time.
    """

    sittings: int
    rounds: int
    seconds: float
    repeats: int


QUICK = Effort(sittings=1, rounds=3, seconds=0.05, repeats=1)


def usual(rounds: int) -> Effort:
    """Return the effort of a full run with so many rounds."""
    return Effort(sittings=3, rounds=-(-rounds // 3), seconds=0.3, repeats=max(3, rounds // 3))


def _row(taken: Durations, **more: Any) -> Row:
    needs = taken.contestant.needs
    if taken.absent:
        return {"name": taken.contestant.name, "needs": needs, "absent": taken.absent}
    figures = {kind: taken.median(kind) for kind in ("cpu", "wall", "server")}
    return {"name": taken.contestant.name, "needs": needs, **figures, **more}


def _chat(case: str) -> Callable[[Stub, Path, Effort], list[Row]]:
    def run(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
        taken = rounds(
            contestants.contestants_for(case),
            stub,
            folder,
            sittings=effort.sittings,
            each=effort.rounds,
            seconds=effort.seconds,
        )
        bare = {each.contestant.name: each for each in taken}[BARE]
        return [_row(each, ratio=_ratio(each, bare)) for each in taken]

    return run


def _ratio(taken: Durations, bare: Durations) -> float | None:
    """Return the median of the rounds' ratios: what disturbs a round disturbs both."""
    pairs = zip(taken.cpu, bare.cpu, strict=False)
    ratios = [mine / theirs for mine, theirs in pairs]
    return median(ratios) if ratios else None


def _stream(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
    taken = rounds(
        contestants.contestants_for("stream"),
        stub,
        folder,
        sittings=effort.sittings,
        each=effort.rounds,
        seconds=effort.seconds,
    )
    loop = {each.contestant.name: each for each in taken}[streams.LOOP]
    return [
        _row(each, record=_per(each, canned.RECORDS), first=each.median("first"), ratio=_ratio(each, loop))
        for each in taken
    ]


def _per(taken: Durations, count: int) -> float | None:
    cpu = taken.median()
    return None if cpu is None else cpu / count


def _history(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
    # A turn is one whole history: it lasts seconds.
    taken = rounds(contestants.contestants_for("history"), stub, folder, sittings=1, each=effort.repeats, seconds=0)
    by_name = {each.contestant.name: each for each in taken}
    rows = []
    for each in taken:
        backend = next(name for name in ("kapa", "kadal") if name.title() in each.contestant.name)
        loads = by_name[f"json.loads alone, {backend.title()}'s pages"]
        row = _row(each, row=_per(each, canned.RULES), ratio=_ratio(each, loads))
        if each.contestant.needs == "unichat-bridge" and not each.absent:
            looks = [run_module("histories", backend, stub.address, folder=folder) for _ in range(effort.repeats)]
            row["grown"] = [median(at) for at in zip(*looks, strict=True)]
        rows.append(row)
    return rows


def _concurrent(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
    found: dict[tuple[str, int], list[Row]] = {}
    for _ in range(effort.repeats):
        for callers, calls in concurrency.CALLERS.items():
            for kind in concurrency.KINDS:
                many = max(3, calls // 4) if effort is QUICK else calls
                said = run_module("concurrency", kind, str(callers), str(many), stub.address, folder=folder)
                found.setdefault((kind, callers), []).append(said)
    return [_medians({"name": kind, "callers": callers}, said) for (kind, callers), said in found.items()]


def _medians(row: Row, said: list[Row]) -> Row:
    absent = [each["absent"] for each in said if "absent" in each]
    if absent:
        return {**row, "absent": absent[0]}
    return {**row, **{name: median(each[name] for each in said) for name in said[0]}}


Measure = Callable[[], tuple[float, ...] | str]
"""Returns CPU and time in milliseconds, and perhaps a growth in KiB; or why it cannot be measured."""


def _interleave(measured: dict[str, Measure], repeats: int, base: str) -> list[Row]:
    found: dict[str, list[Any]] = {name: [] for name in measured}
    for _ in range(1 + repeats):
        for name, measure in measured.items():
            found[name].append(measure())
    rows = []
    for name, (_, *counted) in found.items():
        # The first round writes and reads the compiled files.
        failed = next((each for each in counted if isinstance(each, str)), None)
        if failed is not None:
            rows.append({"name": name, "absent": failed})
            continue
        figures = [median(values) for values in zip(*counted, strict=True)]
        rows.append({"name": name, **dict(zip(("cpu", "wall", "size"), figures, strict=False))})
    bare = next(row for row in rows if row["name"] == base)
    return [row | ({"ratio": row["cpu"] / bare["cpu"]} if "cpu" in row and "cpu" in bare else {}) for row in rows]


def _imports(_: Stub, folder: Path, effort: Effort) -> list[Row]:
    def measure(statement: str) -> Measure:
        return lambda: starting.import_once(statement, folder)

    statements = starting.IMPORTS.items()
    rows = _interleave({name: measure(text) for name, (text, _) in statements}, effort.repeats, "requests")
    return [{**row, "needs": starting.IMPORTS[row["name"]][1]} for row in rows]


def _starts(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
    starting.write_config(stub.address, folder)

    def measure(command: Any) -> Measure:
        return lambda: starting.start_once(command, folder)

    commands = {name: measure(command) for name, command in starting.commands(stub.address).items()}
    return _interleave(commands, effort.repeats, "python, one post by requests")


def _ends(stub: Stub, folder: Path, effort: Effort) -> list[Row]:
    late = run_module("ending", str(3 if effort is QUICK else 20), stub.address, folder=folder)
    if "absent" in late:
        return [{"name": "unichat", **late}]
    return [{"name": name, "median": median(each), "worst": max(each)} for name, each in late.items()]


def _pieces(_: Stub, folder: Path, effort: Effort) -> list[Row]:
    # In memory: much shorter turns than a server needs will do.
    seconds = effort.seconds / 3
    sittings = [run_module("pieces", str(effort.rounds), str(seconds), folder=folder) for _ in range(effort.sittings)]
    absent = next((said for said in sittings if "absent" in said), None)
    if absent is not None:
        return [{"name": "unichat", **absent}]
    return [{"name": name, "cpu": median([each for said in sittings for each in said[name]])} for name in sittings[0]]


def _turns(_: Stub, folder: Path, effort: Effort) -> list[Row]:
    database = os.environ.get("UNICHAT_TEST_POSTGRESQL")
    rounds, turns = (2, 20) if effort is QUICK else (effort.sittings * effort.rounds, 400)

    def measure(name: str, *arguments: str) -> Row:
        return {"name": name, **run_module("turns", *arguments, folder=folder)}

    return [
        measure("a turn, SQLite", "one", "sqlite", str(rounds), str(turns)),
        measure("a turn, PostgreSQL", "one", database, str(rounds), str(turns))
        if database
        else {"name": "a turn, PostgreSQL", "absent": "UNICHAT_TEST_POSTGRESQL is not set"},
        measure("1,000 conversations at once", "many", "4" if effort is QUICK else "12"),
    ]


def _routes(_: Stub, folder: Path, effort: Effort) -> list[Row]:
    rounds, calls = (3, 50) if effort is QUICK else (effort.sittings * effort.rounds, 1_000)
    said = run_module("routes", str(rounds), str(calls), folder=folder)
    if "absent" in said:
        return [{"name": "a route", **said}]
    return [{"name": name, "cpu": cpu} for name, cpu in said.items()]


CASES: dict[str, Callable[[Stub, Path, Effort], list[Row]]] = {
    "chat": _chat("chat"),
    "async chat": _chat("async chat"),
    "stream": _stream,
    "history": _history,
    "concurrent": _concurrent,
    "turns": _turns,
    "routes": _routes,
    "imports": _imports,
    "starts": _starts,
    "ends": _ends,
    "pieces": _pieces,
}


def by_name(result: Any, case: str) -> dict[str, Row]:
    """Return a case's rows by name, those that are absent left out."""
    rows: Iterable[Row] = result["cases"].get(case, ())
    return {row["name"]: row for row in rows if "absent" not in row}
