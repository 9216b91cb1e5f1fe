"""SQLite by the standard library: a file that several processes may share, or memory.

One connection for the process, used by one thread at a time: a transaction is a handful of statements, each of some
microseconds. Nothing here waits for another process: `StoreBusy` says that it has to, and the program that asked does,
so that an event loop is held no longer than a statement takes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from unichat._text.printable import format_value
from unichat.conversations.stores.base import Row, StoreBusy, Transaction, tell_of_forks
from unichat.conversations.stores.schema import migrate
from unichat.errors import ConfigError, StoreError

T = TypeVar("T")

_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_LOCKED"})
_LOG_PAGES = 4_000
"""How long the write-ahead log becomes before its pages are copied into the file: 16 MB."""
_OPENING_SECONDS = 30.0
"""How long opening may wait for another process that prepares the same file."""


class SqliteStore:
    """A store in one SQLite database.

    Args:
        path: the file, which is made if it does not exist; None for memory.
        clock: the time, in seconds since 1970.

    Raises:
        ConfigError: the file cannot be opened or written, is not a database, or is of a newer version.
    """

    blocks = False

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self.name = "memory:" if path is None else f"sqlite:///{path}"
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._inherited: list[sqlite3.Connection] = []
        self._forked = self._closed = False
        problem: sqlite3.Error | OSError
        try:
            self._connection = self._open()
        except (sqlite3.Error, OSError) as error:
            problem = error
        else:
            tell_of_forks(self)
            return
        raise ConfigError(
            f"the store {format_value(self.name)} cannot be used: {_describe(problem)}",
            key="store",
            hint="Give a file of unichat's, or a new one, in a folder that exists and that this program may write to.",
        )

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            _make_private(self._path)
        # Autocommit: transactions are begun by hand. Waiting is for those who call.
        connection = sqlite3.connect(
            ":memory:" if self._path is None else self._path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Only here, where the first process makes the tables and the others have nothing better to do.
        connection.execute(f"PRAGMA busy_timeout = {int(_OPENING_SECONDS * 1000)}")
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        # Four times as long as by default: what is written again and again meanwhile is copied into the file once.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        # What is deleted is overwritten at once.
        connection.execute("PRAGMA secure_delete = ON")
        # Also if there is nothing to migrate: a file that cannot be written is better found out now.
        _transact(connection, self._migrate, self._clock)
        connection.execute("PRAGMA busy_timeout = 0")

    def _migrate(self, transaction: _SqliteTransaction) -> None:
        ((version,),) = transaction.rows("PRAGMA user_version")
        ((tables,),) = transaction.rows("SELECT count(*) FROM sqlite_schema")
        if tables and not version:
            raise sqlite3.DatabaseError("it is another program's database")
        version = migrate(transaction, version, self.name, clustered="WITHOUT ROWID")
        transaction.run(f"PRAGMA user_version = {version}")

    def note_fork(self) -> None:
        """In a child process: use another connection from now on, since this one belongs to the parent.

        Memory is copied by the fork, so there the child goes on with what it has.
        """
        self._lock = threading.Lock()
        self._forked = self._path is not None

    def _current(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"the store {format_value(self.name)} is closed", store=self.name)
        if self._forked:
            # Kept, and not closed: closing it would drop locks that the parent holds.
            self._inherited.append(self._connection)
            self._connection, self._forked = self._open(), False
        return self._connection

    def run(self, function: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Run one transaction; see `Store`."""
        problem: sqlite3.Error
        with self._lock:
            try:
                connection = self._current()
                return _transact(connection, function, self._clock, "IMMEDIATE" if writes else "DEFERRED")
            except sqlite3.Error as error:
                problem = error
        raise self._convert(problem)

    def scrub(self) -> None:
        """Overwrite the write-ahead log; see `Store`. What the file itself had is overwritten already."""
        problem: sqlite3.Error
        with self._lock:
            try:
                connection = self._current()
                if self._path is None:
                    return
                (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                problem = error
            else:
                if busy:
                    raise StoreBusy
                return
        raise self._convert(problem)

    def _convert(self, error: sqlite3.Error) -> Exception:
        if getattr(error, "sqlite_errorname", "") in _BUSY:
            return StoreBusy()
        return StoreError(
            f"the store {format_value(self.name)} failed: {_describe(error)}",
            hint="Make room, or make it writable, and try again.",
            store=self.name,
            retryable=True,
        )

    def close(self) -> None:
        """Close it. Closing twice is fine."""
        with self._lock:
            self._closed = True
            if not self._forked:
                self._connection.close()


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self._connection = connection
        self.now = now

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        return self._connection.execute(statement, parameters).fetchall()

    def row(self, statement: str, **parameters: object) -> Row | None:
        found: Row | None = self._connection.execute(statement, parameters).fetchone()
        return found

    def run(self, statement: str, **parameters: object) -> int:
        return self._connection.execute(statement, parameters).rowcount


def _transact(
    connection: sqlite3.Connection,
    function: Callable[[_SqliteTransaction], T],
    clock: Callable[[], float],
    kind: str = "IMMEDIATE",
) -> T:
    connection.execute(f"BEGIN {kind}")
    try:
        result = function(_SqliteTransaction(connection, clock()))
        connection.execute("COMMIT")
    except BaseException:
        # After some failures, such as a full disk, SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, for which SQLite does not wait as it does for other locks."""
    until = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname not in _BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _describe(error: sqlite3.Error | OSError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _make_private(path: Path) -> None:
    """Create the file, if it is missing, for its owner only: it tells who asked, and when.

    SQLite gives its companion files the same mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
