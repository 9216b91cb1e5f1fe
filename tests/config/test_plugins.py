"""Adapters and simulators where packages have no metadata: in frozen and zipped programs, and beside a checkout."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import unichat
import unichat_kadal
import unichat_kapa
from tests.pace import PATIENCE
from unichat.config import plugins
from unichat.config.plugins import ADAPTERS, SIMULATORS, find_plugin, list_plugins

WITHOUT_METADATA = """
import importlib.metadata
importlib.metadata.MetadataPathFinder.find_distributions = classmethod(lambda *_, **__: iter(()))
"""
EVERYTHING = (
    WITHOUT_METADATA
    + """
import sys
import unichat
from unichat import config
from unichat.cli import main

assert config.registry.names() == ("kadal", "kapa"), config.registry.names()
assert set(config.schema()["$defs"]) >= {"kadal", "kapa"} or config.schema()
with unichat.sandbox.start() as box:
    assert box.backends == ("kadal", "kapa")
    for name in box.backends:
        with unichat.connect(name, **box.settings(name)) as client:
            assert "thread" in client.chat("What is a thread?").text
print(unichat.__file__)
sys.exit(main(["demo", "--json"]))
"""
)


@pytest.fixture(autouse=True)
def _forget_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests find what is installed, these what they register."""
    monkeypatch.setattr(plugins, "_found", {})


def run(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"HOME": str(folder), **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=4 * PATIENCE,
        check=False,
    )


def test_without_metadata_both_adapters_and_their_simulators_work(tmp_path: Path) -> None:
    done = run(EVERYTHING, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_zipped_program_works(tmp_path: Path) -> None:
    root = Path(unichat.__file__).parents[1]
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        for package in (unichat, unichat_kadal, unichat_kapa):
            folder = Path(package.__file__ or "").parent
            for path in folder.rglob("*.py"):
                archive.write(path, path.relative_to(folder.parent))
        for page in (root / "docs").glob("*.md"):
            archive.write(page, f"unichat/sandbox/docs/{page.name}")
    done = run(EVERYTHING, tmp_path, PYTHONPATH=str(tmp_path / "program.zip"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "program.zip"))


def test_without_metadata_another_package_is_found_by_its_name(tmp_path: Path) -> None:
    package = tmp_path / "unichat_my_vendor"
    (package / "simulator").mkdir(parents=True)
    (package / "__init__.py").write_text("backend = 5\n", encoding="utf-8")
    (package / "simulator" / "__init__.py").write_text("class MyVendorSimulator: pass\n", encoding="utf-8")
    # Neither is a package with an adapter, and the second has no simulator.
    (tmp_path / "unichat_notes.py").touch()
    (tmp_path / "unichat_plain").mkdir()
    (tmp_path / "unichat_plain" / "__init__.py").touch()
    code = (
        WITHOUT_METADATA
        + """
from unichat.config.plugins import ADAPTERS, SIMULATORS, list_plugins
print(*list_plugins(ADAPTERS), *list_plugins(SIMULATORS))
print(list_plugins(ADAPTERS)["my_vendor"].load(), list_plugins(SIMULATORS)["my_vendor"].load().__name__)
"""
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "kadal kapa my_vendor plain kadal kapa my_vendor",
        "5 MyVendorSimulator",
    ]


def test_with_metadata_a_package_that_registers_nothing_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unichat_acme").mkdir()
    (tmp_path / "unichat_acme" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert "acme" not in list_plugins(ADAPTERS)


@pytest.mark.parametrize("group", [ADAPTERS, SIMULATORS])
def test_the_built_in_packages_follow_the_convention_by_which_they_are_found(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = {name: point.load() for name, point in list_plugins(group).items()}
    assert {"kadal", "kapa"} <= set(registered)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [])
    found = list_plugins(group)
    for name in ("kadal", "kapa"):
        plugin = find_plugin(group, name)
        assert plugin is not None
        assert type(plugin.load()) is type(registered[name])
        assert found[name].value == plugin.value


def test_the_first_of_two_plugins_with_one_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("acme", "first:backend", ADAPTERS), EntryPoint("acme", "second:backend", ADAPTERS)]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert list_plugins(ADAPTERS)["acme"].value == "first:backend"


@pytest.mark.parametrize("name", ["acme", "a.b", "a b", "", "1"])
def test_a_name_without_a_package_is_not_found(name: str) -> None:
    assert find_plugin(ADAPTERS, name) is None


def test_find_plugin_again_reads_no_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[str] = []
    point = EntryPoint("acme", "acme:backend", ADAPTERS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: groups.append(group) or [point])
    assert [find_plugin(ADAPTERS, "acme") for _ in range(3)] == [point] * 3
    assert groups == [ADAPTERS]


def test_find_plugin_finds_what_was_installed_after_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    points: list[EntryPoint] = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert find_plugin(ADAPTERS, "acme") is None
    points.append(EntryPoint("acme", "acme:backend", ADAPTERS))
    assert find_plugin(ADAPTERS, "acme") == points[0]


def test_find_plugin_on_another_path_searches_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("old", "new"):
        metadata = tmp_path / folder / f"{folder}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Name: {folder}\nVersion: 1.0\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[{ADAPTERS}]\nacme = {folder}:backend\n", encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path / folder)
        found = find_plugin(ADAPTERS, "acme")
        assert found is not None
        assert found.value == f"{folder}:backend"
