"""What the measurements amount to: for each module, how many mutants its tests notice, and how many are explained.

`explained.toml` has the mutants that no test can notice, or that none should, each with the reason. One is told by the
line that it changes and by what the line becomes, so an explanation excuses nothing else on its line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

RESULT = Path(__file__).with_name("result.json")
EXPLAINED = Path(__file__).with_name("explained.toml")


@frozen
class Score:
    """The mutants of one module: how many there are, and how many of them are noticed or explained."""

    mutants: int
    noticed: int
    explained: int

    @property
    def share(self) -> float:
        """The part that is noticed or explained, from 0 to 1."""
        return (self.noticed + self.explained) / self.mutants

    def __add__(self, other: Score) -> Score:
        return Score(self.mutants + other.mutants, self.noticed + other.noticed, self.explained + other.explained)


NONE = Score(0, 0, 0)


@frozen
class Explanation:
    """Why mutants of one line need not be noticed.

    Attributes:
        line: the line that is changed, without indentation.
        becomes: what it becomes, for each of the mutants.
        why: the reason.
    """

    line: str
    becomes: tuple[str, ...]
    why: str


def read_results() -> dict[str, Any]:
    """Return `result.json`: by module, the number of its mutants and the survivors."""
    results: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return results


def read_explanations() -> dict[str, tuple[Explanation, ...]]:
    """Return `explained.toml`, by module."""
    tables = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    return {
        module: tuple(Explanation(each["line"], tuple(each["becomes"]), each["why"]) for each in entries)
        for module, entries in tables.items()
    }


def compute_score(result: Mapping[str, Any], explanations: tuple[Explanation, ...]) -> Score:
    """Return the score of a module from its part of `result.json`, and its explanations."""
    excused = {(each.line, becomes) for each in explanations for becomes in each.becomes}
    explained = sum((each["line"], each.get("becomes")) in excused for each in result["survivors"])
    return Score(result["mutants"], result["mutants"] - len(result["survivors"]), explained)


def compute_scores() -> dict[str, Score]:
    """Return the scores of all modules that were measured."""
    explanations = read_explanations()
    return {module: compute_score(result, explanations.get(module, ())) for module, result in read_results().items()}
