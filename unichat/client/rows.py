"""The rows of a history, as a caller reads them: by one reader at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, TypeVar

from unichat.errors import InvalidInput

T = TypeVar("T")


def concurrent_read_error() -> InvalidInput:
    """Return the error for a second reader, who would be given what the first one waits for."""
    return InvalidInput("this history is already being read", hint="Read it in one place, and pass the exchanges on.")


class Rows(Iterator[T]):
    """Rows that a generator fetches."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Generator[T, None, None]) -> None:
        self._rows: Any = rows

    def __next__(self) -> T:
        try:
            row: T = next(self._rows)
        except ValueError:
            if not self._rows.gi_running:
                raise
        else:
            return row
        # Another thread is in it.
        raise concurrent_read_error()

    def close(self) -> None:
        """End the reading."""
        self._rows.close()


class AsyncRows(AsyncIterator[T]):
    """Rows that an asynchronous generator fetches."""

    __slots__ = ("_rows",)

    def __init__(self, rows: AsyncGenerator[T, None]) -> None:
        self._rows: Any = rows

    def __anext__(self) -> Any:
        if self._rows.ag_running:
            # Another task waits in it.
            raise concurrent_read_error()
        return self._rows.__anext__()

    async def aclose(self) -> None:
        """End the reading."""
        await self._rows.aclose()
