"""`python -m bench.mutation [MODULE…]`: changes modules one thing at a time, and counts what their tests notice.

`bench.mutation.targets` names the modules and their tests. The results of a module replace its older ones in
`result.json`; `python tests/docs/regenerate.py` puts them into the documentation. Needs what `requirements.txt` lists.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

from bench.mutation.mutants import find_mutants
from bench.mutation.running import passes
from bench.mutation.scores import RESULT, read_results
from bench.mutation.targets import MODULES, ROOT, find_tests

_PATIENCE = 600.0
"""Seconds for the tests of a module that is not changed."""


def measure(module: str, last: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return how many mutants a module has, and which its tests let pass.

    Args:
        module: the path from the top folder.
        last: the module's last result, where only its survivors are to be tried again.
    """
    source, tests = (ROOT / module).read_text(encoding="utf-8"), find_tests(module)
    began = time.monotonic()
    if not passes(module, source, tests, patience=_PATIENCE):
        raise SystemExit(f"{module} is not changed yet, and its tests fail: {' '.join(tests)}")
    # Many times as long as without a change, on a machine that may have more to do by then.
    patience = 10.0 + 5.0 * (time.monotonic() - began)
    mutants = list(find_mutants(source))
    if last is not None and last["mutants"] != len(mutants):
        raise SystemExit(f"{module} has changed since it was measured: leave out --survivors")
    survivors = [
        described
        for each in mutants
        if (described := {"operator": each.operator, "line": each.line, "becomes": each.becomes})
        and (last is None or described in last["survivors"])
        and passes(module, each.source, tests, patience=patience)
    ]
    return {
        "mutants": len(mutants),
        "survivors": sorted(survivors, key=lambda each: (each["line"], each["becomes"], each["operator"])),
    }


def main() -> None:
    """Measure the modules of the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="paths, or the beginnings of paths; default: all")
    parser.add_argument(
        "--survivors", action="store_true", help="only those of the last time, where nothing but tests was changed"
    )
    given = parser.parse_args()
    words = given.modules or [""]
    for module in dict.fromkeys(each for word in words for each in MODULES if each.startswith(word)):
        found = measure(module, read_results().get(module) if given.survivors else None)
        known = read_results()
        if found["mutants"]:
            known[module] = found
        RESULT.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")
        print(f"{module}: {found['mutants'] - len(found['survivors'])} of {found['mutants']} noticed", flush=True)


if __name__ == "__main__":
    main()
