"""The table is whole, and stands for tests that exist."""

from __future__ import annotations

from pathlib import Path

from tests.faults.table import INJECTIONS, OWN_TESTS, as_markdown

_HERE = Path(__file__).parent


def test_every_row_of_the_specification_is_there() -> None:
    assert {injection.row for injection in INJECTIONS} | {own.row for own in OWN_TESTS} == set(range(1, 65))


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [(injection.row, injection.name) for injection in INJECTIONS]
    assert len(set(names)) == len(names)


def test_every_row_that_is_not_an_injection_names_a_test_that_exists() -> None:
    for own in OWN_TESTS:
        assert (_HERE / own.test).is_file(), own


def test_the_docs_can_show_it() -> None:
    shown = as_markdown()
    assert shown.count("\n") == len(INJECTIONS) + len(OWN_TESTS) + 2
    assert "| 6 | reset after reading | all | ASK, INSERT: ConnectionFailed (reset), maybe delivered" in shown
