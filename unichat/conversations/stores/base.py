"""What a store is: it runs transactions, each a function of statements that every database understands.

Statements have parameters by name (`:name`), and use nothing that only one database has. Whatever decides stands in
those functions (`tickets`, `records` and others), so each store is only a way to run them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from unichat._text.templates import Argument, Template
from unichat.errors import StoreError
from unichat.execution.effects import Execute, Program, Sleep
from unichat.transport.forks import reset_after_fork

T = TypeVar("T")

Row = tuple[Any, ...]
_FIRST_WAIT, _LONGEST_WAIT = 0.002, 0.05


class Transaction(Protocol):
    """One transaction: everything in it happens, or nothing."""

    @property
    def now(self) -> float:
        """The time, in seconds since 1970: one for the whole transaction, the same for all who share the store."""
        ...

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        """Return all rows of a query."""
        ...

    def row(self, statement: str, **parameters: object) -> Row | None:
        """Return the first row of a query, or None."""
        ...

    def run(self, statement: str, **parameters: object) -> int:
        """Run a statement; return the number of rows that it changed."""
        ...


class StoreBusy(Exception):
    """Somebody else writes at the moment: nothing was done, and the transaction can be tried again at once."""


class Store(Protocol):
    """Runs transactions. Safe to share between threads."""

    @property
    def name(self) -> str:
        """What errors call it; holds no secret."""
        ...

    @property
    def blocks(self) -> bool:
        """Whether a transaction may take long, such as over a network: on asyncio it then runs in a thread."""
        ...

    def run(self, function: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Run one transaction, and return what the function returns.

        Raises:
            StoreBusy: it has to be tried again.
            StoreError: the store cannot be read or written.
        """
        ...

    def scrub(self) -> None:
        """See to it that nothing which was deleted can still be read in the store's files, as far as it has any.

        Raises:
            StoreBusy, StoreError: as `run`.
        """
        ...

    def close(self) -> None:
        """Close it. Closing twice is fine."""
        ...


class _Forkable(Protocol):
    def note_fork(self) -> None: ...


_forkable: WeakSet[_Forkable] = WeakSet()


def tell_of_forks(store: _Forkable) -> None:
    """Have a store's `note_fork` called in each child process that begins as a copy of this one."""
    _forkable.add(store)


def _note_fork() -> None:
    for store in tuple(_forkable):
        store.note_fork()


reset_after_fork(_note_fork)


def transact(
    store: Store,
    function: Callable[[Transaction], T],
    *,
    writes: bool = True,
    may_wait: Callable[[], bool] = lambda: True,
) -> Program[T]:
    """Run one transaction as a program, as often as it takes until nobody else writes.

    Raises:
        StoreError: the store cannot be read or written, or is still busy when it `may_wait` no longer.
    """
    return (yield from _repeat(store, partial(store.run, function, writes=writes), may_wait))


def scrub(store: Store, may_wait: Callable[[], bool]) -> Program[None]:
    """Scrub the store as a program. Raises as `transact` does."""
    return (yield from _repeat(store, store.scrub, may_wait))


def _repeat(store: Store, function: Callable[[], T], may_wait: Callable[[], bool]) -> Program[T]:
    wait = _FIRST_WAIT
    while True:
        try:
            result: T = yield Execute(function, store.blocks)
        except StoreBusy:
            pass
        else:
            return result
        if not may_wait():
            break
        yield Sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)
    raise StoreError(
        "somebody else has been writing to the store all the time",
        hint=Template("Allow more with ", Argument("deadline"), ", or see what holds its lock."),
        store=store.name,
        retryable=True,
    )
