"""The state's database: one file, used by several processes from the first moment on."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pace import PATIENCE
from unichat.sandbox import SandboxError, Store
from unichat.sandbox import store as store_module
from unichat_kadal.simulator.records import SCHEMA

PROCESSES = 4
FILES = 40


def use_first(barrier: Any, folder: Path, results: Connection) -> None:
    """Open one new file after the other, at the same moment as the other processes; send what was kept in each."""
    outcomes: list[str] = []
    for number in range(FILES):
        barrier.wait(4 * PATIENCE)
        try:
            with closing(Store(folder / f"{number}.sqlite3")) as store:
                store.create(SCHEMA)
                outcomes.append(
                    store.get_or_create("key", lambda: f"{id(store)} of {multiprocessing.current_process().name}")
                )
        except Exception as error:
            outcomes.append(f"failed: {error!r}")
    results.send(outcomes)


def test_processes_that_use_a_new_file_at_the_same_moment_all_get_the_same_state(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    children = [context.Process(target=use_first, args=(barrier, tmp_path, sender)) for _, sender in pipes]
    for child in children:
        child.start()
    try:
        assert all(receiver.poll(8 * PATIENCE) for receiver, _ in pipes)
        outcomes = [receiver.recv() for receiver, _ in pipes]
    finally:
        for child in children:
            child.kill()
            child.join()
    assert [each for outcome in outcomes for each in outcome if each.startswith("failed")] == []
    assert all(len(set(kept)) == 1 for kept in zip(*outcomes, strict=True))


def test_threads_that_use_a_new_file_at_the_same_moment_all_get_the_same_state(tmp_path: Path) -> None:
    barrier = threading.Barrier(PROCESSES)

    def use(number: int) -> list[str]:
        kept: list[str] = []
        for file in range(FILES // 4):
            barrier.wait(PATIENCE)
            with closing(Store(tmp_path / f"{file}.sqlite3")) as store:
                store.create(SCHEMA)
                kept.append(store.get_or_create("key", lambda: str(number)))
        return kept

    with ThreadPoolExecutor(PROCESSES) as pool:
        outcomes = list(pool.map(use, range(PROCESSES)))
    assert all(len(set(kept)) == 1 for kept in zip(*outcomes, strict=True))


@pytest.fixture
def locked_file(tmp_path: Path) -> Iterator[Path]:
    """A state file on which another program has a lock."""
    path = tmp_path / "state.sqlite3"
    Store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield path


def test_a_file_that_stays_locked_says_what_to_do(locked_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_WAIT_SECONDS", 0.01)
    with pytest.raises(SandboxError, match="database is locked; stop the program that uses it, or give another file"):
        Store(locked_file)


def test_a_reader_that_delays_the_change_of_mode_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.sqlite3"
    monkeypatch.setattr(store_module, "_WAIT_SECONDS", 0.01)
    with closing(Store(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        store.run("PRAGMA journal_mode = DELETE")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM kept").fetchall()
        tries: list[float] = []

        def sleep(seconds: float) -> None:
            tries.append(seconds)
            if len(tries) == 3:
                reader.execute("COMMIT")

        monkeypatch.setattr(store_module, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
        store._enter_wal_mode()
        assert len(tries) == 3
        assert store.rows("PRAGMA journal_mode")[0][0] == "wal"


def test_a_script_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state.sqlite3")) as store:
        with pytest.raises(sqlite3.OperationalError):
            store.create("CREATE TABLE IF NOT EXISTS a (b TEXT); CREATE NONSENSE")
        assert store.number("SELECT count(*) FROM sqlite_schema WHERE name = 'a'") == 0
        store.create("CREATE TABLE IF NOT EXISTS a (b TEXT)")
        store.create("-- a comment at the end")
        assert store.number("SELECT count(*) FROM a") == 0


def test_another_program_s_database_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a TEXT)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(SandboxError, match="another program's database"):
        Store(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.sqlite3"]
