"""The adapter of docs/adding-an-adapter.md, installed as a package of its own: found by name, and run over HTTP."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import regenerate
from tests.vendors import write_distribution
from unichat import adapter

PAGE = (regenerate.ROOT / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
USE = """
import unichat
from unichat import config

with unichat.sandbox.start() as box:
    assert "acme" in box.backends, box.backends
    with unichat.connect("acme", **box.settings("acme")) as bot:
        answer = bot.chat("What is a thread?")
        assert answer.text and answer.thread.backend == "acme", answer
        assert bot.continue_thread(str(answer.thread), "And then?").thread == answer.thread
        assert bot.feedback(answer, "up").answer_id == answer.id
        assert bot.run(bot.operations.ask_bot(text="What is a thread?")).raw["reply"] == answer.text
        for refused in (lambda: bot.chat("What?", user="ada"), lambda: bot.clear_history(), lambda: bot.history()):
            try:
                refused()
            except unichat.errors.Unsupported:
                pass
            else:
                raise AssertionError(refused)
    with unichat.connect(f"acme://support?base_url={box.settings('acme')['base_url']}&api_key=wrong") as stranger:
        try:
            stranger.chat("What?")
        except unichat.errors.AuthenticationError as error:
            assert "wrong key" in str(error), error
        else:
            raise AssertionError("a wrong key passed")
assert "acme" in config.schema()["$defs"]
print("done")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def installed_adapter(tmp_path: Path) -> Path:
    """A folder that holds the adapter as pip would leave it there."""
    adapter, simulator = (block for block in blocks("python") if block.startswith('"""'))
    (tmp_path / "unichat_acme.py").write_text(adapter, encoding="utf-8")
    (tmp_path / "unichat_acme_simulator.py").write_text(simulator, encoding="utf-8")
    write_distribution(tmp_path, blocks("toml")[0])
    return tmp_path


def test_the_documented_adapter_is_found_by_its_entry_points_and_works_over_http(installed_adapter):
    environ = {**os.environ, "PYTHONPATH": str(installed_adapter)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE], capture_output=True, text=True, check=False, env=environ
    )
    assert done.stdout == "done\n", done.stderr


def test_the_documented_adapter_is_small():
    adapter, _ = (block for block in blocks("python") if block.startswith('"""'))
    assert len([line for line in adapter.splitlines() if line.strip()]) <= 100


# What an adapter may import, on the page, in the reference, and in the adapters

ADAPTERS = [*(regenerate.ROOT / "adapters").rglob("*.py"), *(regenerate.ROOT / "examples").rglob("*.py")]
REFERENCE = (regenerate.ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def imported_names(source: str) -> set[str]:
    """The names that a module takes from `unichat.adapter`."""
    return {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == "unichat.adapter"
        for alias in node.names
    }


def test_the_reference_lists_what_an_adapter_may_import_and_nothing_else():
    table = REFERENCE.partition("<!-- table: adapter-names -->")[2].partition("<!-- end of table -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(adapter.__all__)


def test_the_page_shows_whatever_the_adapters_import():
    taken = set().union(*(imported_names(path.read_text(encoding="utf-8")) for path in ADAPTERS))
    assert len(taken) > 50
    assert taken <= set(adapter.__all__)
    assert sorted(name for name in taken if not re.search(rf"\b{name}\b", PAGE)) == []


def test_whatever_the_reference_lists_is_imported_by_an_adapter_or_in_an_example_of_the_page():
    taken = set().union(*(imported_names(path.read_text(encoding="utf-8")) for path in ADAPTERS))
    shown = set().union(*(imported_names(block) for block in blocks("python")))
    assert sorted(set(adapter.__all__) - taken - shown) == []
