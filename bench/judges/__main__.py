"""`python -m bench.judges [JUDGE…]`: judges that share no code with unichat look at contracts, adapters and simulators.

Needs what `requirements.txt` lists, and installs what `package.json` lists.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from bench.judges import frameworks, fuzzing, linters, node, prism, proof

JUDGES: dict[str, Callable[[], int]] = {
    "linters": linters.judge,
    "prism": prism.judge,
    "frameworks": frameworks.judge,
    "schemathesis": fuzzing.judge,
    "proof": proof.judge,
}


def main() -> int:
    """Run the judges of the command line, or all; return 1 if any complains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judges", nargs="*", metavar="JUDGE", help=f"{', '.join(JUDGES)}; default: all")
    chosen = parser.parse_args().judges or list(JUDGES)
    if unknown := set(chosen) - JUDGES.keys():
        parser.error(f"no judge is called {', '.join(sorted(unknown))}")
    if {"linters", "prism", "proof"} & set(chosen):
        node.install()
    failed = False
    for name in chosen:
        begun = time.monotonic()
        complaints = JUDGES[name]()
        failed = failed or complaints > 0
        print(f"{name}: {complaints} complaints, {time.monotonic() - begun:.0f} s", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
