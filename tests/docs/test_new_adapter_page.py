"""The package of docs/new-adapter.md, besides what the page itself runs: its style, and what it imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import import_rules
from tests.docs.new_adapter_page import edits, make_edits
from unichat.scaffold import new_adapter

UNCHANGED = {"README.md", "pyproject.toml", "tests/test_conformance.py", "unichat_parley/py.typed"}


@pytest.fixture(scope="module")
def new_package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """The folder of the package, and what it had before the page's edits."""
    folder = tmp_path_factory.mktemp("page")
    files = new_adapter("parley", folder / "parley", streams=True)
    make_edits(folder)
    return folder / "parley", {path.relative_to(folder / "parley").as_posix() for path in files}


def test_the_page_edits_every_file_that_is_about_the_vendor(new_package):
    _, files = new_package
    assert files - {path.removeprefix("parley/") for path in edits()} == UNCHANGED


def test_the_package_of_the_page_imports_only_what_the_whitelist_allows(new_package):
    assert import_rules.violations(new_package[0] / "unichat_parley") == []


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=lambda each: each[0])
def test_the_package_of_the_page_passes_its_own_rules_of_style(new_package, arguments):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ruff = shutil.which("ruff", path=path) or pytest.skip("ruff is for developers")
    done = subprocess.run([ruff, *arguments, "--no-cache", new_package[0]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
