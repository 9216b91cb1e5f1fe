"""The mutants of a module, as Cosmic Ray makes them: its source with one thing changed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from attrs import frozen
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

from bench.mutation.targets import OPERATORS, is_expression


@frozen
class Mutant:
    """A module with one thing changed.

    Attributes:
        operator: Cosmic Ray's name for the kind of change.
        line: the line that is changed, without indentation.
        becomes: what it becomes.
        source: the whole module.
    """

    operator: str
    line: str
    becomes: str
    source: str


def find_mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source."""
    lines = source.splitlines()
    tree = get_ast(source)
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = [start for node in ast_nodes(tree) for start, *_ in operator.mutation_positions(node)]
        for number, (row, column) in enumerate(places):
            changed = _change(source, operator, number) if is_expression(lines, row, column) else None
            if changed is not None:
                yield Mutant(name, lines[row - 1].strip(), _describe_change(lines, changed.splitlines()), changed)


def _change(source: str, operator: Operator, number: int) -> str | None:
    """Return the source with the change made in its `number`-th place; None where that makes no Python."""
    try:
        changed: str = mutate_code(source, operator, number)
        compile(changed, "mutant", "exec")
    except (AttributeError, SyntaxError):
        # The first is Cosmic Ray's own, for what it takes for the name of an exception.
        return None
    return changed


def _describe_change(before: list[str], after: list[str]) -> str:
    """Return the lines that have changed, without indentation, joined by blanks."""
    added = [line[2:].strip() for line in difflib.ndiff(before, after) if line.startswith("+ ")]
    return " ".join(added)
