"""A history of 100,000 rows: the whole of it, and the memory that reading it takes.

`python -m bench.costs.histories BACKEND ADDRESS` prints, as JSON, by how many KiB the process has grown since before
the first row, after so many rows each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from bench.costs import canned
from bench.costs.contestants import WITH_ORJSON, Factory, contestant, settings, without_orjson
from bench.costs.cores import pin
from bench.costs.memory import peak

LOOKS = (canned.PAGE_SIZE, 30 * canned.PAGE_SIZE, canned.RULES)
"""Rows after which the memory is looked at: one page; after unichat's memory of recent rows is full; at the end."""


def _rows(backend: str, address: str) -> Iterator[Any]:
    import unichat

    with unichat.connect(backend, **settings(backend, address)) as client:
        yield from client.history(page_size=canned.PAGE_SIZE)


def _unichat(backend: str) -> Factory:
    def factory(address: str) -> Callable[[], str]:
        return lambda: str(sum(1 for _ in _rows(backend, address)))

    return factory


def _loads(backend: str) -> Factory:
    def factory(_: str) -> Callable[[], str]:
        pages = [canned.page(backend, number) for number in range(1, -(-canned.RULES // canned.PAGE_SIZE) + 1)]
        key = "results" if backend == "kapa" else "data"
        return lambda: str(sum(len(json.loads(page)[key]) for page in pages))

    return factory


for _backend in ("kapa", "kadal"):
    contestant("history", f"json.loads alone, {_backend.title()}'s pages", "")(_loads(_backend))
    contestant("history", f"unichat, {_backend.title()}", "unichat-bridge")(_unichat(_backend))
    contestant("history", f"unichat, {_backend.title()}{WITH_ORJSON}", "orjson")(_unichat(_backend))


def growth(backend: str, address: str) -> list[int]:
    """Return by how many KiB the process has grown after each of `LOOKS`."""
    rows = iter(_rows(backend, address))
    before = peak()
    grown = []
    for number in range(1, canned.RULES + 1):
        next(rows)
        if number in LOOKS:
            grown.append(peak() - before)
    return grown


if __name__ == "__main__":
    pin("client")
    without_orjson()
    # What is imported with the first client, and grown with its first call, is not the history's.
    next(_rows(*sys.argv[1:3]))
    print(json.dumps(growth(*sys.argv[1:3])))
