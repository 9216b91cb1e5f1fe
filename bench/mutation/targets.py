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
        for name in (
            "capabilities",
            "carrying_over",
            "checks",
            "history",
            "members",
            "outcomes",
            "ownership",
            "rendezvous",
            "rules",
            "settings",
        )
    ),
    *(f"unichat/config/{name}.py" for name in ("setting_types", "urls", "validation")),
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
    **{
        f"unichat/adapter/{module}.py": tuple(f"tests/adapter/test_{name}.py" for name in names)
        for module, names in {
            "decoders": ("decoders", "record_decoder"),
            "endpoint_context": ("endpoints", "operations", "record_decoder"),
            "endpoints": ("endpoints", "operations"),
            "fields": ("fields", "json_model"),
            "json_model": ("json_model", "fields"),
            "messages": ("messages", "operations"),
            "record_decoder": ("record_decoder", "decoders"),
        }.items()
    },
}
"""The files that test a module, where they have other names."""

_TESTS_OF_ADAPTERS = {
    "kapa": {
        "__init__": ("settings", "adapter"),
        "adapter": ("adapter", "adapter_history", "adapter_reconcile"),
        "analytics": ("models", "operations"),
        "exchanges": ("adapter_history", "adapter"),
        "history": ("adapter_history", "adapter", "adapter_reconcile"),
        "models": ("operations", "adapter_history", "adapter", "models"),
        "operations/errors": ("errors", "operations"),
        "operations/streams": ("operations", "stream"),
        "settings": ("settings", "adapter"),
        "stream": ("stream", "adapter"),
    },
    "kadal": {
        "__init__": ("package", "settings", "adapter_chat"),
        "access_tokens": ("access_tokens",),
        "adapter": (
            "adapter_capabilities",
            "adapter_chat",
            "adapter_threads",
            "adapter_feedback",
            "adapter_history",
            "adapter_clear_history",
            "adapter_reconcile",
            "conversations",
        ),
        "conversations": ("conversations", "adapter_threads", "adapter_locks", "adapter_chat"),
        "history": ("adapter_history",),
        "identity": (
            "adapter_threads",
            "adapter_feedback",
            "adapter_chat",
            "adapter_history",
            "adapter_clear_history",
        ),
        "models": ("operations", "adapter_history", "errors", "models"),
        "newest_rows": ("adapter_reconcile", "adapter_threads", "adapter_chat"),
        "operations/arguments": ("operations", "adapter_feedback"),
        "operations/chats": ("operations", "adapter_history"),
        "operations/errors": ("errors", "operations", "adapter_history", "adapter_chat", "adapter_feedback"),
        "operations/feedback": ("operations", "adapter_feedback", "errors"),
        "operations/newer": ("operations", "adapter_history"),
        "ratings": ("adapter_feedback",),
        "settings": ("settings", "adapter_chat", "access_tokens"),
    },
}
"""The files that test a module of an adapter, by the adapter and the module; any other is for `test_operations.py`."""


def find_tests(module: str) -> tuple[str, ...]:
    """Return the tests that judge a module: those that are written down here, that of the same name, or else all of its
    folder.
    """
    if module in _TESTS:
        return _TESTS[module]
    path = Path(module)
    if path.parts[0] == "adapters":
        adapter = path.parts[1].removeprefix("unichat_")
        names = _TESTS_OF_ADAPTERS[adapter].get("/".join(path.with_suffix("").parts[2:]), ("operations",))
        return tuple(f"tests/{adapter}/test_{name}.py" for name in names)
    folder = Path("tests", *path.parts[1:-1])
    same_name = folder / f"test_{path.name}"
    return (str(same_name if (ROOT / same_name).exists() else folder),)


def is_expression(source: Sequence[str], row: int, column: int) -> bool:
    """Return whether an operator at `row` (from 1) and `column` (from 0) is one that something evaluates.

    The `*` of a signature, after which arguments are named, looks like one, and is none. What is imported for type
    checkers only is not evaluated either.
    """
    line = source[row - 1]
    return not line[column:].startswith("*,") and line.strip() != "if TYPE_CHECKING:"


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
