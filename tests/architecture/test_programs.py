"""Programs can be closed wherever they stand: on the way out, nothing in them yields."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.import_rules import ROOT

CORE = ROOT / "unichat"
ROOMS = ("client", "conversations", "execution", "routing")
CLEANUP = CORE / "execution" / "cleanup.py"
"""The one place that yields after whatever failed: it tells a failure from the end of the program."""


def walk_own(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[ast.AST]:
    """Everything in these nodes but what is in functions of their own."""
    for node in nodes:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from walk_own(list(ast.iter_child_nodes(node)))


def yields(nodes: list[ast.stmt]) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in walk_own(nodes))


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = [node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)] if handler.type else []
    return handler.type is None or bool({"BaseException", "GeneratorExit"} & set(caught))


def find_yields_on_the_way_out(source: str) -> list[int]:
    """The lines of `try` statements in generators that could yield once they are closed."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or not yields(function.body):
            continue
        for node in walk_own(list(function.body)):
            if not isinstance(node, ast.Try):
                continue
            everything = [handler for handler in node.handlers if catches_everything(handler)]
            goes_on = any(yields(each.body) or not isinstance(each.body[-1], ast.Raise) for each in everything)
            if yields(node.finalbody) or (goes_on and yields(node.body)):
                found.append(node.lineno)
    return found


def test_a_program_that_is_closed_does_not_yield() -> None:
    modules = [path for room in ROOMS for path in (CORE / room).rglob("*.py") if path != CLEANUP]
    found = {path.name: find_yields_on_the_way_out(path.read_text(encoding="utf-8")) for path in modules}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert find_yields_on_the_way_out(CLEANUP.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "ending",
    [
        "except BaseException as error:\n        failure = error",
        "except:\n        yield",
        "except (KeyError, GeneratorExit):\n        pass",
        "finally:\n        yield from other()",
    ],
)
def test_what_yields_on_the_way_out_is_found(ending: str) -> None:
    assert find_yields_on_the_way_out(f"def program():\n    try:\n        yield 1\n    {ending}\n    yield 2\n") == [2]


@pytest.mark.parametrize(
    "ending", ["except BaseException:\n        close()\n        raise", "except Exception:\n        yield 3"]
)
def test_what_only_goes_on_after_a_failure_is_not(ending: str) -> None:
    assert find_yields_on_the_way_out(f"def program():\n    try:\n        yield 1\n    {ending}\n    yield 2\n") == []
