"""The first run in a checkout: each process compiles its share of the test modules, and finds those of the others done.

pytest rewrites the assertions of a test module, which takes longer than the rest of its collection, and keeps the
result on the disk. Processes that all collect in the same order all do it, each for every module.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest


def choose_share(files: Iterable[Path], number: int, count: int) -> list[Path]:
    """Return which of the files the process `number`, counted from 0, compiles; together, `count` of them do all."""
    return sorted(files)[number::count]


def import_share(config: pytest.Config, number: int, count: int) -> None:
    """Import the process's share of the test modules that will be collected.

    A module that cannot be imported is left to pytest, which imports it again and reports the error.
    """
    folders = [Path(argument) for argument in config.args if Path(argument).is_dir()]
    files = {file.resolve() for folder in folders for file in folder.rglob("test_*.py")}
    for file in choose_share(files, number, count):
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(config.rootpath).with_suffix("").parts))
