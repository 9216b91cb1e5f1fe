"""Each protection that a mutant takes away is where the mutant looks for it: one that has moved would stay in place."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

import pytest

from bench.mutants import protections, protections_asyncio, protections_requests, protections_routes


def find_replaced(module: ModuleType) -> list[tuple[str, str]]:
    """The owner and the name of each attribute that a function of the module replaces, where the module knows it."""
    tree = ast.parse(inspect.getsource(module))
    names = {name for name in vars(module) if not name.startswith("__")}
    targets = [
        target
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    ]
    return [
        (ast.unparse(target.value), target.attr)
        for target in targets
        if ast.unparse(target.value).partition(".")[0] in names
    ]


MODULES = (protections, protections_asyncio, protections_requests, protections_routes)
PLACES = [(module, *place) for module in MODULES for place in find_replaced(module)]


def test_the_places_are_found():
    assert len(PLACES) > 60
    assert (protections, "Budget", "take") in PLACES


@pytest.mark.parametrize(("module", "owner", "name"), PLACES, ids=lambda value: getattr(value, "__name__", value))
def test_a_protection_that_a_mutant_takes_away_exists(module: Any, owner: str, name: str) -> None:
    assert hasattr(eval(owner, vars(module)), name)
