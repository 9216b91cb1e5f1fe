"""What a route adds to a call that goes through its first member.

`python -m bench.costs.routes ROUNDS CALLS` prints one JSON object: for each kind of route, the microseconds of CPU that
each call takes beyond the same call of the member alone, by round. The vendor's answers come from memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.costs import canned
from bench.costs.contestants import settings, without_orjson
from bench.costs.cores import pin
from bench.costs.pieces import answer_at_once
from bench.costs.worker import measure

_NOWHERE = "http://127.0.0.1:9"


def routes(rounds: int, calls: int) -> dict[str, float]:
    """Return the microseconds that each kind of route adds: calls with and without it alternate."""
    import unichat
    from unichat import routing

    with ExitStack() as stack:
        kapa, kadal = (
            stack.enter_context(unichat.connect(name, **settings(name, _NOWHERE))) for name in ("kapa", "kadal")
        )
        answer_at_once(kapa)
        members = {"kapa": kapa, "kadal": kadal}
        # The second member's share is too small for any user of the benchmark.
        kinds = {
            "fallback": routing.fallback(members),
            "split": routing.split(members, {"kapa": 1e12, "kadal": 1e-12}),
        }
        ask = {name: _asks(client, calls) for name, client in {"": kapa, **kinds}.items()}
        found: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(rounds + 1):
            cpu = {name: measure(work)["cpu"] for name, work in ask.items()}
            if number:
                # The first round warms up.
                for name, values in found.items():
                    values.append((cpu[name] - cpu[""]) / calls * 1e6)
    return {name: median(values) for name, values in found.items()}


def _asks(client: Any, calls: int) -> Callable[[], None]:
    def ask() -> None:
        for _ in range(calls):
            client.chat(canned.QUESTION, user=canned.USER)

    return ask


if __name__ == "__main__":
    pin("client")
    without_orjson()
    print(json.dumps(routes(int(sys.argv[1]), int(sys.argv[2]))), flush=True)
