"""A shadow as both kinds of client: closing waits for what still runs in the background."""

from __future__ import annotations

import asyncio

from unichat.routing.async_client import AsyncRoutedClient
from unichat.routing.shadow_route import ShadowRoute
from unichat.routing.sync_client import RoutedClient


class ShadowClient(RoutedClient, ShadowRoute):
    """A shadow over synchronous clients."""

    def close(self) -> None:
        """Close both members, after waiting for the other side for up to `shadow_grace` seconds. As `Client.close`."""
        was_open, self._is_closing = not self._is_closing, True
        if was_open:
            self._shadowing.wait(self._grace)
            self._end_shadowing()
        super().close()


class AsyncShadowClient(AsyncRoutedClient, ShadowRoute):
    """A shadow over asyncio clients."""

    async def close(self) -> None:
        """Close both members, after waiting for the other side for up to `shadow_grace` seconds. As `Client.close`."""
        was_open = not self._is_closing
        if was_open and self._performer.affinity.loop in (None, asyncio.get_running_loop()):
            self._is_closing = True
            await self._performer.finish_background(self._grace)
            self._end_shadowing()
        await super().close()
        # Those that closing has ended.
        await self._performer.finish_background()
