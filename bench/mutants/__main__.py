"""`python -m bench.mutants`: runs the part of the fault bench that stands for each protection, without it.

Each runs in a process of its own. Words on the command line choose the mutants that have one of them in their name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from bench.mutants.table import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]
_PATIENCE = 240
"""Seconds that a run may take. Without some protections a call waits for ever: of those alone, no end is a verdict."""


@frozen
class Verdict:
    """What became of one mutant: which test killed it, and why; empty if it survived."""

    mutant: Mutant
    killed_by: str
    because: str


def run(mutant: Mutant | None, file: str, words: str, patience: int = _PATIENCE) -> subprocess.CompletedProcess[str]:
    """Run a part of the bench without the mutant's protection."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n0",
        "--thorough",
        "-p",
        "bench.mutants.plugin",
        "-p",
        "no:cacheprovider",
    ]
    command += [str(_ROOT / "tests" / "faults" / file), "--no-header", "--tb=no", "-rf"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
    environment["COLUMNS"] = "400"
    environment |= {"UNICHAT_MUTANT": mutant.name} if mutant is not None else {}
    return subprocess.run(
        [*command, *(["-k", words] if words else [])],
        env=environment,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def judge(mutant: Mutant) -> Verdict:
    """Run the mutant's part of the bench, and see whether it fails for want of the protection."""
    try:
        done = run(mutant, *mutant.where)
    except subprocess.TimeoutExpired:
        return Verdict(mutant, "(it hangs)" if mutant.hangs else "", f"no end in {_PATIENCE} s")
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutant.name}: the bench did not run\n{done.stdout}{done.stderr}")
    failed = re.search(r"^(?:FAILED|ERROR) \S*?::(.+?)(?: - (.*))?$", done.stdout, re.MULTILINE)
    return Verdict(mutant, failed[1], failed[2] or "") if failed else Verdict(mutant, "", "")


def _sound(mutants: Sequence[Mutant]) -> None:
    """The same parts pass with every protection in its place, or a mutant's death would prove nothing."""
    for file in sorted({mutant.where[0] for mutant in mutants}):
        words = " or ".join(f"({mutant.where[1]})" for mutant in mutants if mutant.where[0] == file)
        done = run(None, file, words, patience=20 * _PATIENCE)
        if done.returncode:
            raise SystemExit(f"{file} fails with every protection in its place\n{done.stdout}")


def main() -> int:
    """Judge all mutants, two at a time, and print the table."""
    wanted = sys.argv[1:]
    mutants = [mutant for mutant in MUTANTS if not wanted or any(word in mutant.name for word in wanted)]
    _sound(mutants)
    print("| Without | Killed by | Because |\n|---|---|---|")
    survivors = 0
    with ThreadPoolExecutor(2) as threads:
        for verdict in threads.map(judge, mutants):
            survivors += not verdict.killed_by
            killed_by = verdict.killed_by.removeprefix("test_a_call_under_a_fault_ends_as_the_table_says")
            because = verdict.because[:90].replace("|", "\\|")
            print(f"| {verdict.mutant.name} | {killed_by or '**SURVIVED**'} | {because} |", flush=True)
    print(f"\n{len(mutants) - survivors} of {len(mutants)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
