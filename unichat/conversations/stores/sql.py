"""Any database that SQLAlchemy reaches, for bots on several machines; tested on PostgreSQL. Extra `sql`.

The statements are those of SQLite, as text: what is portable needs no second form. SQLAlchemy writes them in the way of
a database's driver, once, and keeps the connections; they are run by the driver itself, which takes half as long. A row
is locked by updating it, which every database does; where two transactions meet all the same, one of them is told to
begin again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import exc

from unichat._text.printable import format_value, shorten
from unichat.conversations.stores.base import Row, StoreBusy, Transaction, tell_of_forks
from unichat.conversations.stores.schema import migrate
from unichat.conversations.stores.server_clock import ServerClock
from unichat.errors import ConfigError, StoreError

T = TypeVar("T")

_BEGIN_AGAIN = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs of a serialization failure, a deadlock, and a lock that was not to be had."""


def open_sql_store(address: str, kind: str) -> SqlStore:
    """Return the store of a URL. Nothing is connected yet.

    Raises:
        ConfigError: SQLAlchemy does not know the kind, its driver is not installed, or the URL is malformed.
    """
    problem = hint = ""
    try:
        url = sqlalchemy.make_url(address)
        if url.drivername == "postgresql" and find_spec("psycopg2") is None:
            # SQLAlchemy would look for the older of the two drivers.
            url = url.set(drivername="postgresql+psycopg")
        # Connections are not tried before they are used again, which costs a round trip: where one has been cut since,
        # its transaction begins again in another.
        engine = sqlalchemy.create_engine(url)
    except exc.NoSuchModuleError:
        problem, hint = "is of no known kind", 'Give "memory:", "sqlite:///bot.db", or a URL of SQLAlchemy.'
    except ModuleNotFoundError as error:
        problem = f"needs {error.name}, which is not installed"
        hint = f"Install it: pip install {error.name}. For PostgreSQL, psycopg."
    except (exc.ArgumentError, ValueError):
        problem, hint = "cannot be read", "See SQLAlchemy's documentation for its URLs."
    else:
        if not engine.dialect.is_async:
            return SqlStore(engine)
        problem, hint = "has an asynchronous driver", "Name a synchronous one; on asyncio, it runs in a thread."
    # Without the rest of the URL, which may hold a password.
    raise ConfigError(f"the store {format_value(f'{kind}://…')} {problem}", key="store", hint=hint)


class SqlStore:
    """A store in a database that SQLAlchemy reaches. Its tables are made, or brought up to date, with its first use."""

    blocks = True

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        url = engine.url
        where = ":".join(str(part) for part in (url.host, url.port) if part)
        self.name = f"{url.get_backend_name()}://{where}/{url.database or ''}"
        self._engine = engine
        self._clock: Callable[[], float] | None = None if engine.dialect.name == "postgresql" else time.time
        self._server_clock = ServerClock()
        self._translate = lru_cache(maxsize=200)(self._compile)
        self._lock = threading.Lock()
        self._prepared = self._closed = False
        tell_of_forks(self)

    def note_fork(self) -> None:
        """In a child process: use other connections from now on, since these belong to the parent."""
        self._lock = threading.Lock()
        self._engine.dispose(close=False)

    def run(self, function: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Run one transaction; see `Store`."""
        if self._closed:
            raise StoreError(f"the store {format_value(self.name)} is closed", store=self.name)
        problem: Exception
        try:
            with self._lock:
                if not self._prepared:
                    self._prepare()
                    self._prepared = True
            return self._transact(function)
        except (exc.SQLAlchemyError, self._driver.Error) as error:
            problem = error
        cause = getattr(problem, "orig", None) or problem
        if self._may_begin_again(problem, cause):
            raise StoreBusy
        raise StoreError(
            f"the store {format_value(self.name)} failed: {shorten(str(cause))}",
            hint="See whether the database is up, and whether it may be written.",
            store=self.name,
            retryable=True,
        )

    @property
    def _driver(self) -> Any:
        return self._engine.dialect.loaded_dbapi

    def _transact(self, function: Callable[[Transaction], T]) -> T:
        connection = self._engine.raw_connection()
        try:
            result = function(self._transaction(connection))
            connection.commit()
        except BaseException as error:
            was_cut = isinstance(error, self._driver.Error) and self._engine.dialect.is_disconnect(
                error, connection.driver_connection, None
            )
            if was_cut or not isinstance(error, Exception):
                # Nobody knows what it would do next.
                connection.invalidate(error)
            if was_cut:
                raise StoreBusy from None
            raise
        finally:
            # What was not committed is rolled back.
            connection.close()
        return result

    def _transaction(self, connection: Any) -> _SqlTransaction:
        cursor = connection.cursor()
        # The server's time where that can be had: several machines do not agree about the time.
        clock = self._clock or (lambda: self._server_clock.now(lambda: _ask_time(cursor)))
        return _SqlTransaction(cursor, self._translate, clock)

    def _compile(self, statement: str) -> tuple[str, Sequence[str] | None]:
        """Return a statement as the driver takes it, with the order of its parameters if it takes them by position."""
        compiled: Any = sqlalchemy.text(statement).compile(dialect=self._engine.dialect)
        return str(compiled), compiled.positiontup

    def _may_begin_again(self, error: Exception, cause: Any) -> bool:
        """Return whether nothing but another transaction, or a connection that had been cut, was in the way."""
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return (
            isinstance(cause, self._driver.IntegrityError)
            or state in _BEGIN_AGAIN
            or (isinstance(error, exc.DBAPIError) and error.connection_invalidated)
            or "database is locked" in str(cause)
        )

    def _prepare(self) -> None:
        """Make or migrate the tables. All processes that begin at once wait for the first."""
        with self._engine.begin() as connection:
            if not sqlalchemy.inspect(connection).has_table("unichat_schema"):
                # Of several that do this at once, all but one begin again.
                connection.exec_driver_sql(
                    "CREATE TABLE unichat_schema (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL)"
                )
                connection.exec_driver_sql("INSERT INTO unichat_schema (id, version) VALUES (1, 0)")
        self._transact(self._migrate)

    def _migrate(self, transaction: Transaction) -> None:
        # Locks the row until the tables are there.
        transaction.run("UPDATE unichat_schema SET version = version WHERE id = 1")
        ((version,),) = transaction.rows("SELECT version FROM unichat_schema WHERE id = 1")
        newest = migrate(transaction, version, self.name)
        if newest != version:
            transaction.run("UPDATE unichat_schema SET version = :version", version=newest)

    def scrub(self) -> None:
        """Do nothing: when a server overwrites what was deleted is its own matter, such as VACUUM's."""

    def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        self._closed = True
        self._engine.dispose()


class _SqlTransaction:
    def __init__(
        self, cursor: Any, translate: Callable[[str], tuple[str, Sequence[str] | None]], clock: Callable[[], float]
    ) -> None:
        self._cursor = cursor
        self._translate = translate
        self._clock = clock
        self._now: float | None = None

    @property
    def now(self) -> float:
        if self._now is None:
            self._now = self._clock()
        return self._now

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        self._execute(statement, parameters)
        return [tuple(row) for row in self._cursor.fetchall()]

    def row(self, statement: str, **parameters: object) -> Row | None:
        self._execute(statement, parameters)
        found = self._cursor.fetchone()
        return None if found is None else tuple(found)

    def run(self, statement: str, **parameters: object) -> int:
        self._execute(statement, parameters)
        changed: int = self._cursor.rowcount
        return changed

    def _execute(self, statement: str, parameters: Mapping[str, object]) -> None:
        text, order = self._translate(statement)
        self._cursor.execute(text, parameters if order is None else tuple(parameters[name] for name in order))


def _ask_time(cursor: Any) -> float:
    cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
    return float(cursor.fetchone()[0])
