"""Stores: what each kind does when it is opened, used by several, or cannot be written."""

import os
import sqlite3
import sys

import pytest

from unichat.conversations import tickets
from unichat.conversations.entries import SentQuestion
from unichat.conversations.state import read_state
from unichat.conversations.stores import schema
from unichat.conversations.stores.address import open_store
from unichat.conversations.stores.base import StoreBusy, transact
from unichat.conversations.stores.sqlite import SqliteStore
from unichat.errors import ConfigError, StoreError, UnichatError

from .conftest import new_schema
from .stepping import Worker

KEY = "INSERT INTO unichat_conversations (conversation, shared, turns, resets, used_at) VALUES (:key, 0, 1, 0, 0)"


def put(store, key="c"):
    return store.run(lambda tx: tx.run(KEY, key=key))


def keys(store):
    return sorted(
        key for (key,) in store.run(lambda tx: tx.rows("SELECT conversation FROM unichat_conversations"), writes=False)
    )


@pytest.mark.parametrize("interruption", [ZeroDivisionError, KeyboardInterrupt])
def test_a_transaction_is_all_or_nothing(store, interruption):
    def break_off(tx):
        tx.run(KEY, key="c")
        raise interruption

    with pytest.raises(interruption):
        store.run(break_off)
    assert keys(store) == []
    put(store)
    assert keys(store) == ["c"]


def test_a_closed_store_says_so(store):
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        put(store)


def test_what_was_stored_is_there_when_a_store_is_opened_again(address, tmp_path):
    if address == "memory:":
        pytest.skip("memory ends with its process")
    first, second = open_store(address), open_store(address)
    put(first)
    assert keys(second) == ["c"]
    first.close()
    assert keys(second) == ["c"]
    second.close()


def test_the_time_is_one_for_a_transaction(address):
    store = open_store(address)
    first, second = store.run(lambda tx: (tx.now, tx.now))
    assert first == second > 1.6e9
    store.close()


def make_earlier_version(version, run):
    """Make the tables of an earlier version, with a ticket and an event whose questions were out."""
    for migration in schema.MIGRATIONS[:version]:
        for statement in migration:
            run(statement.format(clustered=""))
    if version:
        run(KEY.replace(":key", "'c'"))
        run(
            "INSERT INTO unichat_tickets (conversation, ticket, token, expires, gives_up, event, asked_at, joined)"
            " VALUES ('c', 1, 't', 1e10, 1e10, 'e1', 7.0, 0)"
        )
        run(
            "INSERT INTO unichat_events (conversation, event, answer, asked_at, expires)"
            " VALUES ('c', 'e2', NULL, 8.0, 1e10)"
        )


def check_migrated(store, version):
    """Check that what stood in the tables of an earlier version still does, and that they can be used."""
    put(store, "d")
    assert keys(store) == (["c", "d"] if version else ["d"])
    if version:
        state = store.run(lambda tx: read_state(tx, "c", "e2"), writes=False)
        assert state.event.sent == SentQuestion(8.0, None, None)
        assert [(each.token, each.part.event, each.sent) for each in state.tickets] == [
            ("t", "e1", SentQuestion(7.0, None, None))
        ]
    store.close()


@pytest.mark.parametrize("version", range(len(schema.MIGRATIONS)))
def test_a_file_of_an_earlier_version_is_migrated(tmp_path, version):
    path = tmp_path / "bot.db"
    with sqlite3.connect(path) as file:
        make_earlier_version(version, file.execute)
        file.execute(f"PRAGMA user_version = {version}")
    check_migrated(SqliteStore(path), version)
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


@pytest.mark.parametrize("version", range(len(schema.MIGRATIONS)))
def test_a_postgresql_database_of_an_earlier_version_is_migrated(version):
    with new_schema() as address:
        earlier = open_store(address)
        with earlier._engine.begin() as connection:

            def run(statement):
                connection.exec_driver_sql(statement)

            run("CREATE TABLE unichat_schema (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL)")
            run(f"INSERT INTO unichat_schema (id, version) VALUES (1, {version})")
            make_earlier_version(version, run)
        earlier.close()
        check_migrated(open_store(address), version)


def test_migrations_are_applied_in_order_and_once(store):
    done = []

    class Recorder:
        now = 0.0

        def run(self, statement, **parameters):
            done.append(statement)

    assert schema.migrate(Recorder(), 1, "s", [["a"], ["b", "c"], ["d"]]) == 3
    assert done == ["b", "c", "d"]


def test_a_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "bot.db"
    store = SqliteStore(path)
    put(store)
    store.close()
    monkeypatch.setattr(schema.migrate, "__defaults__", ([*schema.MIGRATIONS, ["CREATE TABLE one (x)", "nonsense"]],))
    with pytest.raises(ConfigError):
        SqliteStore(path)
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        assert file.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'one'").fetchone() == (0,)


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "bot.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="has version 99"):
        open_store(f"sqlite:///{path}")
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_postgresql_database_of_a_newer_version_is_refused():
    with new_schema() as address:
        store = open_store(address)
        put(store)
        store.run(lambda tx: tx.run("UPDATE unichat_schema SET version = 99"))
        store.close()
        newer = open_store(address)
        with pytest.raises(ConfigError, match="has version 99"):
            put(newer)
        newer.close()


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be one" * 50, b"SQLite format 3\0" + b"x" * 9]
)
def test_a_file_that_is_not_a_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "bot.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be used"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "bot.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="another program's"):
        open_store(f"sqlite:///{path}")
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


@pytest.mark.parametrize("place", ["missing/bot.db", "folder", "file/bot.db"])
def test_a_file_that_cannot_be_made_is_a_config_error(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be used") as error:
        open_store(f"sqlite:///{tmp_path / place}")
    assert error.value.key == "store"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write anything")
def test_a_read_only_file_is_a_config_error(tmp_path):
    path = tmp_path / "bot.db"
    SqliteStore(path).close()
    path.chmod(0o400)
    with pytest.raises(ConfigError, match="cannot be used"):
        open_store(f"sqlite:///{path}")


def test_a_store_that_becomes_read_only_is_a_store_error(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="readonly"):
        put(store)
    store.close()


def test_a_full_disk_is_a_store_error_and_nothing_is_lost(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    put(store)
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill(tx):
        for number in range(1_000):
            tx.run(KEY, key=f"{number}-{'x' * 900}")

    with pytest.raises(StoreError, match="full") as error:
        store.run(fill)
    assert error.value.retryable
    assert keys(store) == ["c"]
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert put(store, "later") == 1
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
def test_a_new_file_is_its_owners_alone(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    put(store)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    store.close()


@pytest.mark.parametrize("address", [
    "", "bot.db", "/var/bot.db", "sqlite:bot.db", "sqlite://bot.db", "sqlite:///", "sqlite:///bot.db?mode=ro", "redis://h",
    "memory", "memory://", "postgres", "postgresql+nothing://h/d", "://", None, 7, "SQLITE:///bot.db", "sqlite:///a\0b",
])  # fmt: skip
def test_an_address_of_no_known_kind_is_a_config_error(address):
    with pytest.raises(ConfigError) as error:
        open_store(address)
    assert error.value.key == "store"


def test_an_address_is_not_shown_with_its_password():
    for address in (
        "redis://u:hunter2@h",
        "postgresql+nothing://u:hunter2@h/d",
        "u:hunter2@h",
        "postgresql://u:hunter2@h:x",
    ):
        with pytest.raises(UnichatError) as error:
            open_store(address)
        assert "hunter2" not in str(error.value)


def test_a_database_that_is_down_is_a_store_error_without_its_password():
    store = open_store("postgresql+psycopg://u:hunter2@127.0.0.1:1/d")
    with pytest.raises(StoreError) as error:
        put(store)
    assert "hunter2" not in str(error.value) + repr(store.name)
    store.close()


def test_a_driver_that_takes_parameters_by_position_gets_them_in_order(tmp_path):
    store = open_store(f"sqlite+pysqlite:///{tmp_path / 'bot.db'}")
    put(store, "50 % of :key")
    assert keys(store) == ["50 % of :key"]
    assert store.run(lambda tx: tx.row("SELECT :one, :two, '%', :one", two=2, one=1)) == (1, 2, "%", 1)
    store.close()


def test_an_asynchronous_driver_is_a_config_error():
    with pytest.raises(ConfigError, match="asynchronous"):
        open_store("postgresql+psycopg_async://h/d")


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    open_store("sqlite:///~/bot.db").close()
    assert (tmp_path / "bot.db").exists()


def test_a_relative_path_counts_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///bot.db").close()
    assert (tmp_path / "bot.db").exists()


def test_another_process_that_writes_is_waited_for_without_holding_the_thread(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        put(store)
    waiting = Worker(transact(store, lambda tx: tx.run(KEY, key="c")))
    assert waiting.waits
    assert waiting.go_on().waits
    # Readers need not wait.
    assert keys(store) == []
    other.execute("COMMIT")
    assert waiting.go_on().answer == 1
    other.close()
    store.close()


def test_a_store_that_stays_busy_is_a_store_error_when_there_is_no_time_left(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ended = Worker(transact(store, lambda tx: tx.run(KEY, key="c"), may_wait=lambda: False))
    assert isinstance(ended.error, StoreError)
    assert ended.error.retryable
    other.close()
    store.close()


def test_what_is_deleted_is_gone_from_the_files(tmp_path):
    path = tmp_path / "bot.db"
    store = SqliteStore(path)
    for number in range(50):
        put(store, f"needle-{number}")
    store.run(lambda tx: tx.run("DELETE FROM unichat_conversations"))
    store.scrub()
    assert b"needle" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
    store.close()


def test_a_scrub_waits_for_readers(tmp_path):
    store = SqliteStore(tmp_path / "bot.db")
    put(store)
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM unichat_conversations").fetchall()
    put(store, "d")
    with pytest.raises(StoreBusy):
        store.scrub()
    other.execute("COMMIT")
    store.scrub()
    other.close()
    store.close()


def put_in_a_child(store):
    """Fork, and let the child use the store; return its status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            put(store, "child")
            store.close()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_uses_connections_of_its_own(address):
    if address == "memory:":
        pytest.skip("memory is copied")
    store = open_store(address)
    put(store, "parent")
    assert put_in_a_child(store) == 0
    assert keys(store) == ["child", "parent"]
    put(store, "parent again")
    store.close()


def test_tickets_that_are_gone_are_not_renewed_into_being(store):
    store.run(lambda tx: tickets.renew(tx, [("c", "token")], 30.0))
    assert store.run(lambda tx: tx.rows("SELECT * FROM unichat_tickets")) == []


def test_a_connection_that_was_cut_is_replaced(open_with_clock):
    with new_schema() as address:
        store, other = open_store(address), open_store(address)
        put(store)
        mine = store.run(lambda tx: tx.row("SELECT pg_backend_pid()"))[0]
        other.run(lambda tx: tx.rows("SELECT pg_terminate_backend(:mine)", mine=mine))
        assert Worker(transact(store, lambda tx: tx.run(KEY, key="d"))).finish().answer == 1
        assert keys(store) == ["c", "d"]
        store.close()
        other.close()
