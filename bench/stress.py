"""The tests beside a process that is never idle on each core: no test may depend on how fast the machine is.

`python -m bench.stress` runs all of them five times; what follows `--` is for pytest. Then it interrupts calls with
Ctrl-C at random moments (`bench.interrupts`), where there are no hogs: they would only make that longer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import interrupts

_ROOT = Path(__file__).parents[1]
# It ends with this process, whatever ends that: it looks for its parent now and then.
_HOG = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(1_000_000))\n"


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Keep so many cores busy."""
    with ExitStack() as running:
        for _ in range(count):
            hog = subprocess.Popen([sys.executable, "-c", _HOG])
            running.callback(hog.wait)
            running.callback(hog.kill)
        yield


def run(rounds: int, hogs_count: int, arguments: Sequence[str]) -> list[int]:
    """Run the tests so many times, and return the exit codes of pytest."""
    codes = []
    with hogs(hogs_count):
        for number in range(1, rounds + 1):
            began = time.monotonic()
            print(f"== round {number} of {rounds}, beside {hogs_count} hogs", flush=True)
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=_ROOT, check=False)
            print(f"== round {number} ended with {done.returncode} after {time.monotonic() - began:.0f} s", flush=True)
            codes.append(done.returncode)
    return codes


def main() -> int:
    """Read the options, and run the rounds."""
    options = argparse.ArgumentParser(prog="python -m bench.stress", description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--interrupts", type=int, default=100_000, help="presses of Ctrl-C; 0 for none")
    options.add_argument("--hogs", type=int, default=os.cpu_count() or 1, help="one for each core, unless given")
    options.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="of pytest, after --")
    given = options.parse_args()
    codes = run(given.rounds, given.hogs, given.arguments)
    green = sum(code == 0 for code in codes)
    print(f"{green} of {len(codes)} rounds were green")
    tally = interrupts.run(given.interrupts) if given.interrupts else interrupts.Tally()
    print(tally)
    return 0 if green == len(codes) and tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
