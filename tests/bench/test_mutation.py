"""The scores of mutation testing: what counts as a mutant, what is explained, and that each explanation still holds."""

from __future__ import annotations

import pytest

from bench.mutation import targets
from bench.mutation.scores import (
    NONE,
    Explanation,
    Score,
    compute_score,
    read_explanations,
    read_results,
)

RESULT = {
    "mutants": 4,
    "survivors": [
        {"operator": "NumberReplacer", "line": "wait(1)", "becomes": "wait(2)"},
        {"operator": "NumberReplacer", "line": "wait(1)", "becomes": "wait(0)"},
    ],
}
EXPLANATIONS = [(module, each) for module, entries in read_explanations().items() for each in entries]


def test_score_without_explanations_counts_each_survivor_as_missed():
    assert compute_score(RESULT, ()) == Score(4, 2, 0)
    assert compute_score(RESULT, ()).share == 0.5


def test_score_with_an_explanation_excuses_only_the_mutants_that_it_names():
    assert compute_score(RESULT, (Explanation("wait(1)", ("wait(2)", "wait(3)"), "…"),)) == Score(4, 2, 1)


def test_scores_of_modules_add_up():
    assert sum([Score(4, 2, 1), Score(10, 9, 0)], NONE) == Score(14, 11, 1)


@pytest.mark.parametrize(
    ("source", "column", "expected"), [("    *,", 4, False), ("def f(a, *, b):", 9, False), ("a * b", 2, True)]
)
def test_is_expression_is_false_for_the_star_of_a_signature(source, column, expected):
    assert targets.is_expression([source], 1, column) is expected


def test_is_expression_is_false_for_what_only_type_checkers_import():
    assert not targets.is_expression(["    if TYPE_CHECKING:"], 1, 7)
    assert targets.is_expression(["if TYPE_CHECKING or late:"], 1, 17)


@pytest.mark.parametrize(("module", "explanation"), EXPLANATIONS)
def test_an_explanation_names_a_line_of_its_module_and_says_why(module, explanation):
    lines = [line.strip() for line in (targets.ROOT / module).read_text(encoding="utf-8").splitlines()]
    assert explanation.line in lines
    assert explanation.line not in explanation.becomes
    assert explanation.why


def test_what_was_measured_or_explained_is_a_module_that_is_measured():
    assert {*read_results(), *read_explanations()} <= set(targets.MODULES)


@pytest.mark.parametrize("module", targets.MODULES)
def test_the_find_tests_a_module_exist(module):
    assert all((targets.ROOT / test).exists() for test in targets.find_tests(module))
