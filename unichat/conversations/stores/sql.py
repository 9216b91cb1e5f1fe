"""Any database that SQLAlchemy reaches, for bots on several machines; tested on PostgreSQL. Extra `sql`.

The statements are those of SQLite, as text: what is portable needs no second form. A row is locked by updating it,
which every database does; where two transactions meet all the same, one of them is told to begin again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import exc

from unichat._text.printable import format_value, shorten
from unichat.conversations.stores.base import Row, StoreBusy, Transaction
from unichat.conversations.stores.schema import migrate
from unichat.conversations.stores.server_clock import ServerClock
from unichat.errors import ConfigError, StoreError

T = TypeVar("T")

_BEGIN_AGAIN = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs of a serialization failure, a deadlock, and a lock that was not to be had."""

_text = lru_cache(maxsize=200)(sqlalchemy.text)


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
        self._lock = threading.Lock()
        self._prepared = self._closed = False

    def run(self, function: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Run one transaction; see `Store`."""
        if self._closed:
            raise StoreError(f"the store {format_value(self.name)} is closed", store=self.name)
        problem: exc.SQLAlchemyError
        try:
            with self._lock:
                if not self._prepared:
                    self._prepare()
                    self._prepared = True
            with self._engine.begin() as connection:
                return function(self._transaction(connection))
        except exc.SQLAlchemyError as error:
            problem = error
        if _may_begin_again(problem):
            raise StoreBusy
        raise StoreError(
            f"the store {format_value(self.name)} failed: {shorten(str(getattr(problem, 'orig', None) or problem))}",
            hint="See whether the database is up, and whether it may be written.",
            store=self.name,
            retryable=True,
        )

    def _transaction(self, connection: sqlalchemy.Connection) -> _SqlTransaction:
        # The server's time where that can be had: several machines do not agree about the time.
        clock = self._clock or (lambda: self._server_clock.now(lambda: _ask_time(connection)))
        return _SqlTransaction(connection, clock)

    def _prepare(self) -> None:
        """Make or migrate the tables. All processes that begin at once wait for the first."""
        with self._engine.begin() as connection:
            if not sqlalchemy.inspect(connection).has_table("unichat_schema"):
                # Of several that do this at once, all but one begin again.
                connection.execute(
                    _text("CREATE TABLE unichat_schema (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL)")
                )
                connection.execute(_text("INSERT INTO unichat_schema (id, version) VALUES (1, 0)"))
        with self._engine.begin() as connection:
            # Locks the row until the tables are there.
            connection.execute(_text("UPDATE unichat_schema SET version = version WHERE id = 1"))
            version = connection.execute(_text("SELECT version FROM unichat_schema WHERE id = 1")).scalar_one()
            newest = migrate(self._transaction(connection), version, self.name)
            if newest != version:
                connection.execute(_text("UPDATE unichat_schema SET version = :version"), {"version": newest})

    def scrub(self) -> None:
        """Do nothing: when a server overwrites what was deleted is its own matter, such as VACUUM's."""

    def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        self._closed = True
        self._engine.dispose()


class _SqlTransaction:
    def __init__(self, connection: sqlalchemy.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._now: float | None = None

    @property
    def now(self) -> float:
        if self._now is None:
            self._now = self._clock()
        return self._now

    def rows(self, statement: str, **parameters: object) -> list[Row]:
        return [tuple(row) for row in self._connection.execute(_text(statement), parameters)]

    def row(self, statement: str, **parameters: object) -> Row | None:
        found = self._connection.execute(_text(statement), parameters).first()
        return None if found is None else tuple(found)

    def run(self, statement: str, **parameters: object) -> int:
        return self._connection.execute(_text(statement), parameters).rowcount


def _ask_time(connection: sqlalchemy.Connection) -> float:
    return float(connection.execute(_text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")).scalar_one())


def _may_begin_again(error: exc.SQLAlchemyError) -> bool:
    """Return whether nothing but another transaction, or a connection that had been cut, was in the way."""
    if isinstance(error, exc.IntegrityError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    original: Any = error.orig
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    return error.connection_invalidated or state in _BEGIN_AGAIN or "database is locked" in str(original)
