"""`python -m bench.costs`: runs the cases, prints the tables, and writes the result down; see `--help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.costs import contestants, page, report, starting
from bench.costs.cases import CASES, QUICK, Effort, usual
from bench.costs.processes import VARIABLES, home, stub


def versions() -> dict[str, str]:
    """Return the versions of all that takes part and is there."""
    distributions = {each.needs for each in contestants.table()} | {needs for _, needs in starting.IMPORTS.values()}
    found = {}
    for name in sorted(distributions - {""}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _about(effort: Effort, arguments: Sequence[str]) -> dict[str, Any]:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = os.cpu_count() or 1
    pinned = hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1
    return {
        "Date": date.today().isoformat(),
        "Command": " ".join(("tox -e bench", *(("--", *arguments) if arguments else ()))),
        "Processor": f"{_processor()}, {cores} core{'s' if cores > 1 else ''}",
        "System": f"{platform.system()} {platform.release()}, {python}",
        "Server and clients": "each on a core of its own" if pinned else "not kept apart",
        "Environment variables": VARIABLES,
        "Rounds": f"{effort.sittings * effort.rounds} in {effort.sittings} sittings",
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    options.add_argument("--quick", action="store_true", help="see that all works; the figures mean little")
    options.add_argument("--only", action="append", choices=CASES, metavar="CASE", help=f"one of {', '.join(CASES)}")
    options.add_argument("--rounds", type=int, default=15, help="of the calls, over three sittings (15)")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the result down; other cases in it are kept")
    options.add_argument("--docs", action="store_true", help="write the result where the documentation shows it from")
    return options.parse_args(arguments)


def run(cases: Sequence[str], effort: Effort) -> Iterator[tuple[str, list[Any]]]:
    """Yield each case with its rows, as soon as it is through."""
    with home() as folder:
        for case in cases:
            began = time.monotonic()
            with stub(folder) as running:
                rows = CASES[case](running, folder, effort)
            print(f"{case}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            yield case, rows


def _earlier(files: Iterable[Path]) -> dict[str, Any]:
    """Return the result that some of the cases are to be renewed in."""
    found = next((file for file in files if file.exists()), None)
    earlier: dict[str, Any] = json.loads(found.read_text(encoding="utf-8")) if found is not None else {}
    return earlier


def main(arguments: Sequence[str]) -> int:
    """Read the options, run, write and print."""
    given = _options(arguments)
    effort = QUICK if given.quick else usual(given.rounds)
    files = [file for file in (given.json, page.RESULT if given.docs else None) if file is not None]
    result = {"run": _about(effort, arguments), "cases": {}, **(_earlier(files) if given.only else {})}
    result["versions"] = versions()
    if "unichat-bridge" not in result["versions"]:
        sys.exit("unichat is not installed in this environment: without it there is nothing to compare")
    for case, rows in run(given.only or list(CASES), effort):
        result["cases"][case] = rows
        # Each time, so that a run that is broken off was not for nothing.
        for file in files:
            file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if given.docs:
        page.main()
    print(report.as_text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
