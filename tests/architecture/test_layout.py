"""Where tests stand, and how long modules are: what docs/architecture.md says of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.covered_modules import COVERED_BY

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "unichat").rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py") and "templates" not in path.parts
)
LONGER = {"unichat/errors.py"}
"""One table of classes, which a reader looks up by name: nothing in it is a second subject."""


def own_files(module: Path) -> Iterator[Path]:
    """Yield the files that a module's tests may be in: of its name, in its room, or in the folder above."""
    folders = [folder.removeprefix("_") for folder in module.parts[1:-1]]
    name = module.stem.removeprefix("_")
    # What is written once for each kind of client is tested over both.
    names = {name, name.removeprefix("sync_"), name.removeprefix("async_")}
    for depth in range(len(folders), 0 if folders else -1, -1):
        for each in names:
            yield ROOT.joinpath("tests", *folders[:depth], f"test_{each}.py")


def test_each_module_has_tests_in_a_file_of_its_name_or_is_said_to_have_them_elsewhere():
    elsewhere = [f"unichat/{name}.py" for names in COVERED_BY.values() for name in names]
    assert len(elsewhere) == len(set(elsewhere)), "a module stands twice in COVERED_BY"
    own = {module.as_posix() for module in MODULES if any(map(Path.exists, own_files(module)))}
    all_modules = {module.as_posix() for module in MODULES}
    assert sorted(all_modules - own - set(elsewhere)) == [], "no file of tests: add one, or name it in COVERED_BY"
    assert sorted(set(elsewhere) - all_modules) == [], "no such module"


@pytest.mark.parametrize("path", COVERED_BY)
def test_what_covers_a_module_elsewhere_exists(path):
    assert (ROOT / path).is_file()


def test_modules_have_at_most_300_lines():
    long = {
        path.relative_to(ROOT).as_posix()
        for top in ("unichat", "adapters")
        for path in (ROOT / top).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 300
    }
    assert long == LONGER
