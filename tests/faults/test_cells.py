"""Every fault of the table on every operation that it makes sense on, over every transport."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.bench import run_cell
from tests.faults.injection import Injection
from tests.faults.neutral import BACKENDS, TRANSPORTS, Neutral, Opens
from tests.faults.table import INJECTIONS, is_first_of_row

_UVLOOP = "h11 on uvloop"
_ON_UVLOOP = ("kapa stream", "kadal chat")
"""The loop has no part in what an answer means: of each fault, a stream and a question will do."""


def _operations(injection: Injection, backend: str, transport: str) -> list[Neutral]:
    operations = [neutral for neutral in injection.operations if neutral.backend == backend]
    if transport != _UVLOOP:
        return operations
    return [neutral for neutral in operations if injection.concerns_transport and neutral.name in _ON_UVLOOP]


def _is_default(injection: Injection, transport: str) -> bool:
    """Whether a cell is run without `--thorough`: what an answer says, both clients read by the same code."""
    if transport == "h11":
        return injection.concerns_transport or is_first_of_row(injection)
    return transport == "requests" or is_first_of_row(injection)


CELLS = [
    pytest.param(
        transport,
        injection,
        backend,
        id=f"row{injection.row:02} {injection.name}: {backend}, {transport}",
        marks=() if _is_default(injection, transport) else pytest.mark.thorough,
    )
    for injection in INJECTIONS
    for backend in sorted(BACKENDS)
    for transport in (*TRANSPORTS, _UVLOOP)
    if _operations(injection, backend, transport)
]


@pytest.mark.parametrize(("transport", "injection", "backend"), CELLS, indirect=["transport"])
def test_a_call_under_a_fault_ends_as_the_table_says(
    transport: str,
    injection: Injection,
    backend: str,
    client_on: Opens,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    # One test for all calls of a vendor: they are thousands, and a test costs more than a call.
    for neutral in _operations(injection, backend, transport):
        try:
            figures = run_cell(injection, neutral, monkeypatch, client_on, injection.outcome(neutral, transport))
        except BaseException as error:
            error.add_note(f"with {neutral.name}")
            raise
        record_property("cell", json.dumps(figures))
