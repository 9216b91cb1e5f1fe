"""The packages that are written: as good as the adapters here, and they pass their own tests as they are.

`.ci/scaffold` installs each kind and runs all of its tests, and mypy; here it is what is quick.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture import import_rules
from tests.scaffold.kinds import KINDS, NAMES
from tests.vendors import ROOT, write_distribution

ruff = shutil.which("ruff", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
needs_ruff = pytest.mark.skipif(ruff is None, reason="ruff is for developers")
each_kind = pytest.mark.parametrize("kind", KINDS)


def run_ruff(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(ruff), *arguments, "--no-cache", str(folder)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@needs_ruff
def test_packages_pass_their_own_rules_of_style_whatever_their_names(packages):
    assert "All checks passed!" in run_ruff(packages, "check")
    assert "reformatted" not in run_ruff(packages, "format", "--check")


@needs_ruff
@each_kind
def test_packages_pass_the_rules_of_this_repository(packages, kind):
    config = ["--config", str(ROOT / "pyproject.toml"), "--config", f"src=['{packages / kind / 'acme'}']"]
    # Their tests have no docstrings, as here; where tests stand is for a repository to say.
    found = run_ruff(packages / kind / "acme" / "unichat_acme", "check", *config)
    assert "All checks passed!" in found, found


@each_kind
@pytest.mark.parametrize("name", NAMES)
def test_packages_import_only_what_the_whitelist_allows(packages, kind, name):
    assert import_rules.violations(packages / kind / name / f"unichat_{name}") == []


@each_kind
def test_packages_are_short(packages, kind):
    files = [path for path in (packages / kind / "acme" / "unichat_acme").glob("*.py") if path.stem != "simulator"]
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert lines["adapter.py"] < 150
    assert sum(lines.values()) < 500


@each_kind
def test_packages_say_which_part_of_the_reference_each_endpoint_implements(packages, kind):
    source = (packages / kind / "acme" / "unichat_acme" / "operations.py").read_text(encoding="utf-8")
    references = re.findall(r'reference="([^"]+)"', source)
    assert references
    assert re.findall(r"Reference: '([^']+)'\.\"\"\"", source) == references


@each_kind
def test_packages_register_what_they_have(packages, kind):
    project = tomllib.loads((packages / kind / "acme" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "unichat-acme"
    assert project["entry-points"] == {
        "unichat.adapters": {"acme": "unichat_acme:backend"},
        "unichat.simulators": {"acme": "unichat_acme.simulator:AcmeSimulator"},
    }


# The asyncio client is tried in `.ci/scaffold`, and of the kinds those two between which everything is used.
@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["plain-streams", "openai"])
def test_packages_pass_their_own_tests_as_they_are(packages, kind, tmp_path):
    folder = packages / kind / "acme"
    write_distribution(tmp_path, (folder / "pyproject.toml").read_text(encoding="utf-8"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ACME_"))}
    environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(folder)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", "not async"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 120


@each_kind
def test_packages_mark_what_to_decide(packages, kind):
    text = "".join(path.read_text(encoding="utf-8") for path in (packages / kind / "acme").rglob("*.py"))
    marks = re.findall(r"DECIDE\(([a-z ]+)\): (.+)", text)
    assert len(marks) > 10
    assert text.count("DECIDE") == len(marks)
    for _, question in marks:
        assert question[0].islower()
