"""How promptly a call ends: at its deadline, when its client is closed, when its task is cancelled.

`python -m bench.costs.ending TIMES ADDRESS` prints, as JSON, the milliseconds by which each was late.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.costs import canned
from bench.costs.contestants import settings, without_orjson
from bench.costs.cores import pin

_SOON = 0.05
"""Seconds after which a call is ended that would take `canned.DELAY`."""


def _client(address: str) -> Any:
    import unichat

    return unichat.connect("kapa", **settings("kapa", address + canned.SLOW))


def _async_client(address: str) -> Any:
    import unichat

    return unichat.connect_async("kapa", **settings("kapa", address + canned.SLOW))


@contextmanager
def _expect(error: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except error:
        return
    raise AssertionError("the call was answered before it was ended")


def deadline(address: str) -> float:
    """Return by how many seconds a sync call overran its deadline."""
    from unichat.errors import DeadlineExceeded

    with _client(address) as client:
        began = time.perf_counter()
        with _expect(DeadlineExceeded):
            client.chat(canned.QUESTION, deadline=_SOON)
        return time.perf_counter() - began - _SOON


def seconds_to_close(address: str) -> float:
    """Return how many seconds after closing the client a running sync call ended."""
    from unichat.errors import UnichatError

    ended: list[float] = []
    client = _client(address)

    def ask() -> None:
        with _expect(UnichatError):
            client.chat(canned.QUESTION)
        ended.append(time.perf_counter())

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(_SOON)
    began = time.perf_counter()
    client.close()
    asking.join()
    return ended[0] - began


async def async_deadline(address: str) -> float:
    """Return by how many seconds an async call overran its deadline."""
    from unichat.errors import DeadlineExceeded

    async with _async_client(address) as client:
        began = time.perf_counter()
        with _expect(DeadlineExceeded):
            await client.chat(canned.QUESTION, deadline=_SOON)
        return time.perf_counter() - began - _SOON


async def async_closing(address: str) -> float:
    """Return how many seconds after closing the client a running async call ended."""
    from unichat.errors import UnichatError

    client = _async_client(address)
    asking = asyncio.ensure_future(client.chat(canned.QUESTION))
    await asyncio.sleep(_SOON)
    began = time.perf_counter()
    await client.close()
    with _expect(UnichatError):
        await asking
    return time.perf_counter() - began


async def seconds_to_cancel(address: str) -> float:
    """Return how many seconds after its cancelling a task that asks had ended."""
    async with _async_client(address) as client:
        asking = asyncio.ensure_future(client.chat(canned.QUESTION))
        await asyncio.sleep(_SOON)
        began = time.perf_counter()
        asking.cancel()
        with _expect(asyncio.CancelledError):
            await asking
        return time.perf_counter() - began


def run(times: int, address: str) -> dict[str, list[float]]:
    """Return the milliseconds of each kind, so many times each."""
    late: dict[str, list[float]] = {}
    for _ in range(times):
        late.setdefault("sync, past its deadline", []).append(deadline(address) * 1e3)
        late.setdefault("sync, after closing the client", []).append(seconds_to_close(address) * 1e3)
        for name, ended in (
            ("async, past its deadline", async_deadline),
            ("async, after closing the client", async_closing),
            ("async, after cancelling its task", seconds_to_cancel),
        ):
            late.setdefault(name, []).append(asyncio.run(ended(address)) * 1e3)
    return late


if __name__ == "__main__":
    pin("client")
    without_orjson()
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2])), flush=True)
