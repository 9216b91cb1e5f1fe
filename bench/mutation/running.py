"""Runs tests on a module whose source is replaced in memory: no file is changed, and nothing of a mutant is kept.

Each run is a fork of this process, which has imported all that the tests need but unichat; a test that starts a process
of its own finds the module as it is on disk. Needs a system with `fork`.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# For the forks, each of which would import them again.
import cattrs  # noqa: F401
import hypothesis.strategies  # noqa: F401
import platformdirs  # noqa: F401
import pytest
import requests  # noqa: F401
import tenacity  # noqa: F401

from bench.mutation.targets import ROOT


class _Replacement(MetaPathFinder, SourceLoader):
    """Finds one module, with another source than that of its file."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name = name
        self._path = path
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec; None for any other module."""
        if fullname != self._name:
            return None
        package = self._path.name == "__init__.py"
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path), is_package=package)

    def get_filename(self, fullname: str) -> str:
        """Return the path of the module's file, for tracebacks."""
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        """Return the other source."""
        return self._source.encode()


def passes(module: str, source: str, tests: Sequence[str], *, patience: float) -> bool:
    """Return whether `tests` pass within `patience` seconds where `module`, a path from the top, has this source.

    Tests that never end are killed.
    """
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _become_tests(module, source, tests)
    ends = time.monotonic() + patience
    try:
        while time.monotonic() < ends:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                child = 0
                return os.waitstatus_to_exitcode(status) == 0
            time.sleep(0.01)
        return False
    finally:
        # Also where somebody is tired of waiting: it would never end.
        if child:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _become_tests(module: str, source: str, tests: Sequence[str]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        os.chdir(ROOT)
        sys.path[:0] = [str(ROOT), str(ROOT / "adapters")]
        name = ".".join(Path(module.removeprefix("adapters/")).with_suffix("").parts).removesuffix(".__init__")
        sys.meta_path.insert(0, _Replacement(name, ROOT / module, source))
        # Without the rewriting of assertions, which has a finder of its own.
        code = pytest.main(["-q", "-x", "-n0", "-p", "no:cacheprovider", "--assert=plain", "--tb=no", *tests])
    finally:
        os._exit(code)
