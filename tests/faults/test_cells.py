"""Every fault of the table on every operation that it makes sense on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faults.bench import run_cell
from faults.injection import Injection
from faults.neutral import Neutral
from faults.table import INJECTIONS

CELLS = [
    pytest.param(injection, neutral, id=f"row{injection.row:02} {injection.name}: {neutral.name}")
    for injection in INJECTIONS
    for neutral in injection.operations
]


@pytest.mark.parametrize(("injection", "neutral"), CELLS)
def test_a_call_under_a_fault_ends_as_the_table_says(
    injection: Injection, neutral: Neutral, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    record_property("cell", json.dumps(run_cell(injection, neutral, monkeypatch)))
