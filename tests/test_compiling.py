"""Which process compiles which test module in the first run."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.compiling import choose_share, import_share


@pytest.mark.parametrize("count", [1, 3, 4, 20])
def test_shares_of_all_processes_are_each_file_once(count):
    files = [Path(f"test_{number}.py") for number in range(11)]
    shares = [choose_share(files[::-1], number, count) for number in range(count)]
    assert sorted(file for share in shares for file in share) == sorted(files)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_import_share_leaves_a_module_that_cannot_be_imported_to_pytest(tmp_path, monkeypatch):
    (tmp_path / "test_broken_module.py").write_text("raise RuntimeError\n", encoding="utf-8")
    (tmp_path / "test_skipped_module.py").write_text(
        "import pytest\npytest.skip('not here', allow_module_level=True)\n", encoding="utf-8"
    )
    (tmp_path / "test_whole_module.py").write_text("found = []\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    import_share(SimpleNamespace(args=[str(tmp_path)], rootpath=tmp_path), 0, 1)
    found = set(sys.modules) - before
    for name in found:
        monkeypatch.delitem(sys.modules, name)
    assert found == {"test_whole_module"}
