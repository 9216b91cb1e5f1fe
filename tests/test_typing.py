"""What type checkers read: `tests/typing` is checked by `tox -e types`, with mypy and pyright."""

from pathlib import Path

import unichat

ROOT = Path(__file__).parents[1]


def test_the_names_of_a_star_import_are_those_that_the_package_has():
    assert set(unichat.__all__) == {"__version__", "errors", *unichat._HOMES}
    assert all(hasattr(unichat, name) for name in unichat.__all__)
    names: dict[str, object] = {}
    exec("from unichat import *", names)
    assert set(unichat.__all__) <= names.keys()


def test_the_readmes_first_example_is_the_one_that_is_type_checked():
    checked = (ROOT / "tests/typing/readme.py").read_text(encoding="utf-8")
    assert checked in (ROOT / "README.md").read_text(encoding="utf-8")
