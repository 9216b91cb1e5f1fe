"""A plugin of pytest (`-p bench.mutants.plugin`): takes away the protection that `UNICHAT_MUTANT` names."""

from __future__ import annotations

import os

from bench.mutants.table import MUTANTS


def pytest_configure() -> None:
    """Take it away."""
    name = os.environ.get("UNICHAT_MUTANT")
    for mutant in MUTANTS:
        if mutant.name == name:
            mutant.take_away()
