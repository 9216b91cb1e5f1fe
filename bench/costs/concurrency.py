"""Many calls at a time, each of which the server answers after 200 ms.

`python -m bench.costs.concurrency KIND CALLERS CALLS ADDRESS` prints one JSON object: `share` of the throughput that
the delay alone would allow, `cpu` in microseconds a call, `memory` in KiB for each call in flight.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.costs import canned
from bench.costs.contestants import CHAT_PATH, HEADERS, QUESTION, settings, without_orjson
from bench.costs.cores import pin
from bench.costs.memory import peak

CALLERS = {1: 10, 32: 20, 256: 20}
"""How many callers there are, and how many calls each makes, one after the other."""


def _requests(address: str, callers: int) -> Callable[[], object]:
    import requests

    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=callers))
    return lambda: session.post(address + CHAT_PATH, json=QUESTION, headers=HEADERS).json()


def _unichat(address: str, callers: int) -> Callable[[], object]:
    import unichat

    client = unichat.connect("kapa", connections=callers, **settings("kapa", address))
    return lambda: client.chat(canned.QUESTION, user=canned.USER)


def _aiohttp(address: str, callers: int) -> Callable[[], Awaitable[object]]:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=callers))

    async def call() -> object:
        async with session.post(address + CHAT_PATH, json=QUESTION, headers=HEADERS) as response:
            return await response.json()

    return call


def _async_unichat(address: str, _: int) -> Callable[[], Awaitable[object]]:
    import unichat

    client = unichat.connect_async("kapa", **settings("kapa", address))

    async def call() -> object:
        return await client.chat(canned.QUESTION, user=canned.USER)

    return call


THREADS: dict[str, Callable[[str, int], Callable[[], object]]] = {
    "requests, threads": _requests,
    "unichat, threads": _unichat,
}
TASKS: dict[str, Callable[[str, int], Callable[[], Awaitable[object]]]] = {
    "aiohttp, tasks": _aiohttp,
    "async unichat, tasks": _async_unichat,
}
KINDS = (*THREADS, *TASKS)


def _figures(callers: int, calls: int, wall: float, cpu: float, grown: int) -> dict[str, float]:
    return {
        "share": calls * canned.DELAY / wall,
        "cpu": cpu / (calls * callers) * 1e6,
        "memory": grown / callers,
    }


def threads(kind: str, callers: int, calls: int, address: str) -> dict[str, float]:
    """Let so many threads make so many calls each."""
    call = THREADS[kind](address + canned.SLOW, callers)
    call()
    before = peak()
    ready = threading.Barrier(callers + 1)

    def caller() -> None:
        # Connections are made outside the measured time.
        call()
        ready.wait()
        for _ in range(calls):
            call()

    with ThreadPoolExecutor(callers) as pool:
        running = [pool.submit(caller) for _ in range(callers)]
        ready.wait()
        began, used = time.perf_counter(), time.process_time()
        for each in running:
            each.result()
        wall, cpu = time.perf_counter() - began, time.process_time() - used
    return _figures(callers, calls, wall, cpu, peak() - before)


async def tasks(kind: str, callers: int, calls: int, address: str) -> dict[str, float]:
    """Let so many tasks make so many calls each."""
    call = TASKS[kind](address + canned.SLOW, callers)
    await call()
    before = peak()
    await asyncio.gather(*(call() for _ in range(callers)))

    async def caller() -> None:
        for _ in range(calls):
            await call()

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    return _figures(callers, calls, wall, cpu, peak() - before)


def run(kind: str, callers: int, calls: int, address: str) -> Any:
    """Measure one kind of caller."""
    if kind in THREADS:
        return threads(kind, callers, calls, address)
    return asyncio.run(tasks(kind, callers, calls, address))


if __name__ == "__main__":
    pin("client")
    without_orjson()
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])), flush=True)
