"""`python -m bench.mutation [MODULE…]`: mutates modules one change at a time, and counts what their tests notice.

Each module is mutated in a copy of the checkout, with the tests that `bench.mutation.targets` names. The results of a
module replace its older ones in `result.json`; `python tests/docs/regenerate.py` puts them into the documentation.
Needs what `requirements.txt` lists.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.mutation.scores import RESULT, describe_change, read_results
from bench.mutation.targets import MODULES, OPERATORS, ROOT, find_tests, is_expression

_PATIENCE = 60.0
"""Seconds for the tests of one mutant: one that never ends is killed."""


def _command(tests: Sequence[str]) -> str:
    return f"{sys.executable} -m pytest -q -x -n0 -p no:cacheprovider --no-header --tb=no {' '.join(tests)}"


def _run(command: Sequence[str], folder: Path) -> None:
    paths = os.pathsep.join(map(str, (folder, folder / "adapters")))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{' '.join(command)}\n{found.stdout}\n{found.stderr}")


def measure(module: str) -> dict[str, Any]:
    """Mutate one module; return how many mutants there were, and which survived."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for each in listed.stdout.splitlines():
            if (ROOT / each).is_file():
                (folder / each).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / each, folder / each)
        config, database = folder / "mutation.toml", folder / "mutation.sqlite"
        lines = [
            "[cosmic-ray]",
            f"module-path = {json.dumps(module)}",
            f"timeout = {_PATIENCE}",
            "excluded-modules = []",
            f"test-command = {json.dumps(_command(find_tests(module)))}",
            "[cosmic-ray.distributor]",
            'name = "local"',
            "[cosmic-ray.filters.operators-filter]",
            f"exclude-operators = {json.dumps([_others()])}",
        ]
        config.write_text("\n".join(lines), encoding="utf-8")
        source = (ROOT / module).read_text(encoding="utf-8").splitlines()
        _run(["cosmic-ray", "init", str(config), str(database)], folder)
        _run(["cr-filter-operators", str(database), str(config)], folder)
        _skip(database, source)
        _run(["cosmic-ray", "baseline", str(config)], folder)
        _run(["cosmic-ray", "exec", str(config), str(database)], folder)
        return _read(database, source)


def _others() -> str:
    """Return a pattern of all operators but ours."""
    return f"core/(?!({'|'.join(OPERATORS)})$).*"


def _skip(database: Path, source: Sequence[str]) -> None:
    """Leave out the mutants that change no expression."""
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkResult

    with use_db(str(database), WorkDB.Mode.open) as work:
        for item in list(work.pending_work_items):
            (mutation,) = item.mutations
            if not is_expression(source, *mutation.start_pos):
                work.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _read(database: Path, source: Sequence[str]) -> dict[str, Any]:
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome

    mutants, survivors = 0, []
    with use_db(str(database), WorkDB.Mode.open) as work:
        results = dict(work.results)
        for item in work.work_items:
            result = results[item.job_id]
            if result.worker_outcome is WorkerOutcome.SKIPPED:
                continue
            mutants += 1
            if not result.is_killed:
                (mutation,) = item.mutations
                line = source[mutation.start_pos[0] - 1].strip()
                operator = mutation.operator_name.removeprefix("core/")
                survivors.append({"operator": operator, "line": line, "becomes": describe_change(result.diff)})
    return {"mutants": mutants, "survivors": sorted(survivors, key=lambda each: tuple(each.values())[1:])}


def main() -> None:
    """Measure the modules of the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="paths, or the beginnings of paths; default: all")
    parser.add_argument("--jobs", type=int, default=1, help="how many modules at a time")
    given = parser.parse_args()
    words = given.modules or [""]
    chosen = list(dict.fromkeys(each for word in words for each in MODULES if each.startswith(word)))

    def measure_and_keep(module: str) -> None:
        found = measure(module)
        known = read_results()
        if found["mutants"]:
            known[module] = found
        RESULT.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")
        killed = found["mutants"] - len(found["survivors"])
        print(f"{module}: {killed} of {found['mutants']} killed", flush=True)

    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(measure_and_keep, chosen))


if __name__ == "__main__":
    main()
