"""From the text that names a store to the store."""

from __future__ import annotations

import re
from pathlib import Path

from unichat._text.printable import format_value
from unichat.conversations.stores.base import Store
from unichat.errors import ConfigError

_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"[a-z][a-z0-9+_]*(?=://)")
_KINDS = ("memory:", "sqlite:///PATH", "postgresql://…")


def open_store(address: object, *, create: bool = True) -> Store:
    """Return the store of an address: `memory:`, `sqlite:///PATH`, or a URL that SQLAlchemy understands.

    A relative PATH counts from the working directory, and `~` is the user's home folder. An absolute one makes four
    slashes: `sqlite:////var/lib/bot.db`.

    Args:
        address: which one.
        create: whether a file that does not exist is made.

    Raises:
        ConfigError: the address names no kind of store, or the store cannot be used.
    """
    if not isinstance(address, str):
        raise _address_error(f"the store is {format_value(address)}, not text")
    if address in ("memory:", "sqlite://", "sqlite:///:memory:"):
        return _open_sqlite(None)
    if address.startswith(_SQLITE):
        path = address.removeprefix(_SQLITE)
        if not path or "\0" in path or "?" in path:
            raise _address_error(f"the store {format_value(address)} has no path of a file")
        file = Path(path).expanduser()
        if not create and not file.exists():
            raise _address_error(f"there is no store in {format_value(str(file))}")
        return _open_sqlite(file)
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[0] == "sqlite":
        # The rest of a URL may hold a password.
        shown = format_value(address) if "@" not in address else "whose address has no kind"
        raise _address_error(f"the store {shown} is of no known kind")
    return _open_sql(address, scheme[0])


def _open_sqlite(path: Path | None) -> Store:
    from unichat.conversations.stores.sqlite import SqliteStore

    return SqliteStore(path)


def _open_sql(address: str, kind: str) -> Store:
    missing = False
    try:
        from unichat.conversations.stores.sql import open_sql_store
    except ModuleNotFoundError as error:
        missing = error.name == "sqlalchemy"
        if not missing:
            raise
    if missing:
        raise ConfigError(
            f"the store {format_value(f'{kind}://…')} needs SQLAlchemy, which is not installed",
            key="store",
            accepted=_KINDS,
            hint='Install it: pip install "unichat-bridge[sql]". Without it, there are "memory:" and "sqlite:///PATH".',
        )
    return open_sql_store(address, kind)


def _address_error(problem: str) -> ConfigError:
    return ConfigError(
        problem, key="store", accepted=_KINDS, hint='Give "memory:", "sqlite:///bot.db", or a URL of SQLAlchemy.'
    )
