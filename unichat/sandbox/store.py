"""The state of a sandbox: SQLite, in memory or in a file that survives a restart."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from unichat.sandbox.errors import SandboxError

Parameters = Sequence[object] | Mapping[str, object]
"""Values for a statement: by position (`?`) or by name (`:name`)."""

_APPLICATION_ID = 0x756E6963
_VERSION = 1
_WAIT_SECONDS = 30.0
"""How long to wait for other processes that use the same file."""
_KEPT = "CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"


class Store:
    """One SQLite database that all simulators share, each with its own tables. It can be used from any thread.

    Raises:
        SandboxError: `path` cannot be opened or written, is not an SQLite file, or belongs to another program.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._kept: sqlite3.Connection | None = None
        if path is not None:
            _make_private(path)
        try:
            # Autocommit: a transaction is started only where several statements belong together.
            self._database = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_WAIT_SECONDS,
                check_same_thread=False,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise SandboxError(f"state: cannot open {path}: {error}; give a file in a folder that exists") from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self.close()
            advice = "give a new file, or an earlier sandbox's"
            if _is_locked(error):
                advice = "stop the program that uses it, or give another file"
            raise SandboxError(f"state: cannot use {path}: {error}; {advice}") from error
        except SandboxError:
            self.close()
            raise
        self._database.row_factory = sqlite3.Row

    def _prepare(self, path: str | Path | None) -> None:
        # In one transaction, so that another process which opens the new file sees nothing of it, or all.
        with self.transaction():
            self._claim(path)
        if path is not None:
            self._enter_wal_mode()
        self._database.execute("PRAGMA synchronous = NORMAL")

    def _claim(self, path: str | Path | None) -> None:
        """Mark an empty database as the sandbox's, and refuse one that is not."""
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        (tables,) = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != _APPLICATION_ID:
            raise SandboxError(f"state: {path} is another program's database; give a new file")
        if tables and version != _VERSION:
            raise SandboxError(f"state: {path} is of another version of the sandbox ({version}); give a new file")
        if tables:
            return
        self._database.execute(_KEPT)
        self._database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def _enter_wal_mode(self) -> None:
        # SQLite does not wait for the lock that the change of mode needs, since the holder may wait for this process.
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not _is_locked(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def create(self, schema: str) -> None:
        """Run a script of `CREATE … IF NOT EXISTS` statements, in one transaction."""
        with self._lock:
            try:
                self._database.executescript(f"BEGIN IMMEDIATE;\n{schema}\n;COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows of a query; columns are read by name."""
        with self._lock:
            return self._database.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            found: sqlite3.Row | None = self._database.execute(sql, parameters).fetchone()
            return found

    def number(self, sql: str, parameters: Parameters = ()) -> int:
        """Return the single number that a query such as `SELECT count(*)` gives."""
        row = self.row(sql, parameters)
        return int(row[0]) if row is not None else 0

    def run(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run one statement; the cursor knows `lastrowid` and `rowcount`."""
        with self._lock:
            return self._database.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all statements of the block, or none if it raises."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def get_or_create(self, name: str, make: Callable[[], str]) -> str:
        """Return the value stored under `name`, such as a key; the first time, store what `make` returns."""
        with self._lock:
            self.run("INSERT OR IGNORE INTO kept (name, value) VALUES (?, ?)", (name, make()))
            row = self.row("SELECT value FROM kept WHERE name = ?", (name,))
        return str(row["value"]) if row else ""

    def keep_state(self) -> None:
        """Keep the state as it is now, for `reset`."""
        with self._lock:
            kept = sqlite3.connect(":memory:", check_same_thread=False)
            self._database.backup(kept)
            self._kept, kept_before = kept, self._kept
        if kept_before is not None:
            kept_before.close()

    def reset(self) -> None:
        """Return to the state that `keep_state` kept."""
        with self._lock:
            if self._kept is not None:
                self._kept.backup(self._database)

    def close(self) -> None:
        """Close the database. It can be closed twice."""
        with self._lock:
            self._database.close()
            if self._kept is not None:
                self._kept.close()


def _is_locked(error: sqlite3.Error) -> bool:
    # The low byte of an error's code is its class: SQLITE_BUSY_RECOVERY is a SQLITE_BUSY.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _make_private(path: str | Path) -> None:
    """Create the file, if it is missing, for its owner only: it holds keys and conversations.

    SQLite gives its companion files the same mode.
    """
    # A problem with the path is reported when it is opened.
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
