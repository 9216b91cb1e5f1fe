"""One text for a transport and its asyncio twin: a generator that yields what another transport's methods return.

A synchronous transport's methods return results, which are sent straight back; those of an asynchronous one return
awaitables, which are awaited first. What a method raises ends the generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")

Steps = Generator[Any, Any, T]


def run(steps: Steps[T]) -> T:
    """Run the steps of a synchronous transport, and return their result."""
    result: Any = None
    try:
        while True:
            result = steps.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value


async def run_async(steps: Steps[T]) -> T:
    """Run the steps of an asynchronous transport, and return their result."""
    result: Any = None
    try:
        while True:
            awaitable = steps.send(result)
            result = await awaitable
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        steps.close()
