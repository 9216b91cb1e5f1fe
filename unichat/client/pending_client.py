"""An `AsyncClient` whose code has not been loaded yet: it is loaded at the first await, off the event loop.

Loading takes a few hundred milliseconds, the first time in a process: unichat's own modules, those that it needs, and
the certificate authorities. An event loop that is running would stand still for as long. So this module imports nothing
of that, and neither does `unichat.connecting` before a client is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unichat.client.async_client import AsyncClient

_AWAITED = frozenset({"chat", "continue_thread", "feedback", "clear_history", "run", "close"})
"""The methods of `AsyncClient` that are awaited."""


class PendingClient:
    """Becomes the `AsyncClient` that it stands for at its first await, or at once where anything else is asked of it.

    Args:
        build: makes the client; it may take long.
    """

    def __init__(self, build: Callable[[], AsyncClient]) -> None:
        self._build = build
        self._loading: asyncio.Future[AsyncClient] | None = None

    @property
    def __class__(self) -> type[Any]:
        # For isinstance(): a caller that has the class has loaded it already.
        from unichat.client.async_client import AsyncClient

        return AsyncClient

    @__class__.setter
    def __class__(self, kind: type[Any]) -> None:
        object.__dict__["__class__"].__set__(self, kind)

    def _become(self, client: AsyncClient) -> AsyncClient:
        self.__dict__ = client.__dict__
        self.__class__ = type(client)
        return self  # type: ignore[return-value]

    async def _load(self) -> AsyncClient:
        # Not what a loop that has ended began.
        if self._loading is None or self._loading.get_loop() is not asyncio.get_running_loop():
            self._loading = asyncio.ensure_future(asyncio.to_thread(self._build))
        loading = self._loading
        # Others wait for it, too: it goes on where one of them is cancelled.
        client = await asyncio.shield(loading)
        if type(self) is PendingClient:
            self._become(client)
        return self  # type: ignore[return-value]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in _AWAITED:
            return getattr(self._become(self._build()), name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await getattr(await self._load(), name)(*arguments, **named)

        return call

    async def __aenter__(self) -> AsyncClient:
        return await (await self._load()).__aenter__()

    async def __aexit__(self, *left: Any) -> None:
        # By now it is the client; this method was looked up before.
        await type(self).__aexit__(self, *left)
