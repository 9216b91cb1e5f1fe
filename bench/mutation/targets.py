"""Which modules are mutated, and which tests judge the mutants of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ADAPTERS = ("kapa", "kadal")
MODULES: tuple[str, ...] = (
    *(f"unichat/policy/{path.name}" for path in sorted((ROOT / "unichat/policy").glob("*.py"))),
    *(f"unichat/adapter/{path.name}" for path in sorted((ROOT / "unichat/adapter").glob("*.py"))),
    "unichat/references.py",
    *(
        f"unichat/client/{name}.py"
        for name in ("arguments", "base", "neutral_calls", "outcomes", "paging", "rows", "support", "values")
    ),
    *(f"unichat/execution/{name}.py" for name in ("attempt", "http_request", "record_builder", "signing", "tokens")),
    *(
        f"unichat/routing/{name}.py"
        for name in ("carrying_over", "checks", "history", "members", "outcomes", "ownership", "rules", "settings")
    ),
    "unichat/config/resolution.py",
    "unichat/config/validation.py",
    *(
        f"adapters/unichat_{name}/{path.relative_to(ROOT / f'adapters/unichat_{name}')}"
        for name in _ADAPTERS
        for path in sorted((ROOT / f"adapters/unichat_{name}").glob("**/*.py"))
        if "simulator" not in path.parts
    ),
)
"""Paths from the top folder; those that only import something are left out when they turn out to have no mutant."""


_TESTS = {
    "unichat/references.py": ("tests/test_references.py", "tests/test_models.py"),
    "unichat/client/neutral_calls.py": ("tests/client/test_client.py", "tests/client/test_arguments.py"),
    "unichat/client/paging.py": ("tests/client/test_paging.py", "tests/client/test_client.py"),
    "unichat/execution/attempt.py": tuple(
        f"tests/execution/test_{name}.py"
        for name in ("attempt_steps", "record_builder", "program", "live_stream", "attempt")
    ),
    "unichat/client/values.py": ("tests/client/test_arguments.py",),
}
"""The files that test a module, where they have other names."""


def find_tests(module: str) -> tuple[str, ...]:
    """Return the tests that judge a module: the files of `_TESTS`, that of the same name, or else all of its folder."""
    if module in _TESTS:
        return _TESTS[module]
    path = Path(module)
    if path.parts[0] == "adapters":
        return (f"tests/{path.parts[1].removeprefix('unichat_')}",)
    folder = Path("tests", *path.parts[1:-1])
    same_name = folder / f"test_{path.name}"
    return (str(same_name if (ROOT / same_name).exists() else folder),)


def is_expression(source: Sequence[str], row: int, column: int) -> bool:
    """Return whether an operator at `row` (from 1) and `column` (from 0) is one that something evaluates.

    The `*` of a signature, after which arguments are named, looks like one, and is none.
    """
    return not source[row - 1][column:].startswith("*,")


OPERATORS = (
    "AddNot",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_USub_UAdd",
    "ZeroIterationForLoop",
    "ExceptionReplacer",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_Mul",
    "ReplaceBinaryOperator_Pow_Mul",
    "ReplaceBinaryOperator_BitAnd_BitXor",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_LtE_Gt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_Gt_LtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_GtE_Lt",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
)
"""Cosmic Ray's operators that are used: each thing is replaced by its opposite, and each limit is moved by one. `|` is
left out, since it stands in annotations, which nothing evaluates."""
