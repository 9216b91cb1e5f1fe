"""A contestant's own process: `python -m bench.costs.worker CASE NAME ADDRESS`, then one line of JSON for each order.

It is told how many calls to make, and answers with the CPU time and the time that they took, in seconds.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, TextIO

from bench.costs import contestants
from bench.costs.cores import pin


def measure(work: Callable[[], object]) -> dict[str, float]:
    """Do `work`, and return what it took; `first`, where streams were read, is the median until their first event."""
    contestants.FIRST_EVENTS.clear()
    began, used = time.perf_counter(), time.process_time()
    work()
    took = {"cpu": time.process_time() - used, "wall": time.perf_counter() - began}
    return took | ({"first": median(contestants.FIRST_EVENTS)} if contestants.FIRST_EVENTS else {})


def times(call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> Callable[[int], None]:
    """Return what makes so many calls one after the other, in one run of the loop if they are coroutines."""
    if not inspect.iscoroutinefunction(call):

        def many(count: int) -> None:
            for _ in range(count):
                call()

        return many

    async def await_calls(count: int) -> None:
        for _ in range(count):
            await call()

    return lambda count: loop.run_until_complete(await_calls(count))


def make_call(contestant: contestants.Contestant, address: str, loop: asyncio.AbstractEventLoop) -> Callable[[], Any]:
    """Return what makes one call."""
    if not contestant.built_in_loop:
        return contestant.factory(address)

    async def build() -> Callable[[], Any]:
        return contestant.factory(address)

    return loop.run_until_complete(build())


def obey(case: str, name: str, address: str, orders: TextIO, answers: TextIO) -> None:
    """Make the contestant, say whether it answers rightly or is absent, and then do as told until the orders end."""

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    loop = asyncio.new_event_loop()
    try:
        call = make_call(contestants.find(case, name), address, loop)
        text = loop.run_until_complete(call()) if inspect.iscoroutinefunction(call) else call()
    except Exception as error:
        answer({"absent": f"{type(error).__name__}: {error}"[:300]})
        return
    answer({"ready": text})
    many = times(call, loop)
    for order in orders:
        count = json.loads(order)
        answer(measure(lambda: many(count)))  # noqa: B023


def main() -> None:
    """Keep standard output for the answers: some libraries print."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    pin("client")
    case, name, address = sys.argv[1:]
    if contestants.find(case, name).needs == "unichat-bridge":
        contestants.without_orjson()
    obey(case, name, address, sys.stdin, answers)


if __name__ == "__main__":
    main()
