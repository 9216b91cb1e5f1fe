"""A lock for the tasks of one event loop. It stands by itself, since sync clients do without asyncio."""

from __future__ import annotations

import asyncio

from unichat.execution.locks import Releasable


class TaskLock:
    """A lock for the tasks of one event loop."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def acquire(self, timeout: float) -> Releasable | None:
        """Acquire it; None if that takes longer than `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self.lock.acquire()
        except TimeoutError:
            return None
        return _TaskPermit(self.lock)


class _TaskPermit:
    __slots__ = ("_lock",)

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock: asyncio.Lock | None = lock

    def release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
