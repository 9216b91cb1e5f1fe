"""`python -m bench.costs.check ADDRESS`: unichat's contestants, and what stands on its own libraries, call twice each.

Prints, as one JSON object by case and name, what the second call gave.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys

from bench.costs import contestants, worker

_HERE = frozenset({"unichat-bridge", "requests", "urllib3", ""})
"""What is installed wherever unichat is being worked on."""


def main() -> None:
    """Call, and print."""
    contestants.without_orjson()
    loop = asyncio.new_event_loop()
    answers = {}
    for each in contestants.table():
        if each.needs in _HERE:
            call = worker.make_call(each, sys.argv[1], loop)
            for _ in range(2):
                answer = loop.run_until_complete(call()) if inspect.iscoroutinefunction(call) else call()
            answers[f"{each.case}: {each.name}"] = answer
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
