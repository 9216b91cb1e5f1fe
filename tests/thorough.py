"""Tables of which only `pytest --thorough`, as CI runs it, tries every row; a few stand for them in other runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def rows(default: Iterable[Any], *, thorough: Iterable[Any]) -> list[Any]:
    """The rows for `parametrize`: those of each run, and those of thorough ones. A row of several values is a tuple."""
    chosen = list(default)
    further = [each if isinstance(each, tuple) else (each,) for each in thorough if each not in chosen]
    return [*chosen, *(pytest.param(*each, marks=pytest.mark.thorough) for each in further)]
