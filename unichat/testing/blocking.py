"""An `AsyncClient` whose calls block, so that one text of tests runs over both clients."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from unichat.client.async_client import AsyncClient
from unichat.client.async_streams import AsyncAnswerStream


class Runs(Protocol):
    """What a blocking client needs of a loop, such as an `asyncio.Runner`."""

    def run(self, coroutine: Coroutine[Any, Any, Any], /) -> Any:
        """Run a coroutine, and return its result."""
        ...


class BlockingStream:
    """An asynchronous stream, read as a sync one."""

    def __init__(self, loop: Runs, stream: AsyncAnswerStream[Any]) -> None:
        self._loop = loop
        self._stream = stream

    def __enter__(self) -> BlockingStream:
        self._loop.run(self._stream.__aenter__())
        return self

    def __exit__(self, *about: Any) -> None:
        self._loop.run(self._stream.__aexit__(*about))

    def __iter__(self) -> BlockingStream:
        return self

    def __next__(self) -> Any:
        # A StopAsyncIteration cannot leave a coroutine that is awaited as a future.
        ended = object()
        event = self._loop.run(self._next(ended))
        if event is ended:
            raise StopIteration
        return event

    async def _next(self, ended: object) -> Any:
        return await anext(self._stream, ended)

    @property
    def answer(self) -> Any:
        """The whole answer."""
        return self._loop.run(self._stream.answer())

    @property
    def partial(self) -> Any:
        """The answer as far as it has come."""
        return self._stream.partial

    @property
    def raw(self) -> Any:
        """The vendor's records."""
        return self._loop.run(self._stream.raw())

    def close(self) -> None:
        """Give the connection up."""
        self._loop.run(self._stream.close())


class BlockingClient:
    """An `AsyncClient` whose calls block, by the sync client's names."""

    def __init__(self, loop: Runs, client: AsyncClient) -> None:
        self.loop = loop
        self.asynchronous = client

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.asynchronous, name)

    def with_policy(self, **changes: Any) -> BlockingClient:
        return BlockingClient(self.loop, self.asynchronous.with_policy(**changes))

    def chat(self, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run(self.asynchronous.chat(*args, **kwargs))

    def continue_thread(self, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run(self.asynchronous.continue_thread(*args, **kwargs))

    def feedback(self, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run(self.asynchronous.feedback(*args, **kwargs))

    def clear_history(self, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run(self.asynchronous.clear_history(*args, **kwargs))

    def run(self, operation: Any, **kwargs: Any) -> Any:
        if hasattr(operation, "decoder"):
            return BlockingStream(self.loop, self.asynchronous.run_stream(operation, **kwargs))
        return self.loop.run(self.asynchronous.run(operation, **kwargs))

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        return BlockingStream(self.loop, self.asynchronous.stream(*args, **kwargs))

    def history(self, *args: Any, **kwargs: Any) -> Any:
        exchanges = self.asynchronous.history(*args, **kwargs)

        def blocking() -> Any:
            ended = object()
            while (exchange := self.loop.run(_next(exchanges, ended))) is not ended:
                yield exchange

        return blocking()

    def close(self) -> None:
        self.loop.run(self.asynchronous.close())


async def _next(items: Any, ended: object) -> Any:
    return await anext(items, ended)
