"""Every fault of the table on the first member of a route, on every neutral call, over both transports.

What a fault means has been decided when a route is told of it, and only questions have more than one member to go to.
So, unless `--thorough` is given, as `.ci/run` does, the first fault of each row is tried on every call, the rest on a
question, and over h11 the first of each row on the questions.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.bench import run_cell
from tests.faults.injection import Injection
from tests.faults.neutral import BACKENDS, TRANSPORTS, Neutral, Opens
from tests.faults.routes import NEW_QUESTIONS, expect_on_route, on_route, open_routes
from tests.faults.table import INJECTIONS, is_first_of_row

CELLS = [
    pytest.param(
        transport,
        injection,
        backend,
        id=f"row{injection.row:02} {injection.name}: {backend}, {transport}",
        marks=() if transport == "requests" or is_first_of_row(injection) else pytest.mark.thorough,
    )
    for injection in INJECTIONS
    for backend in sorted(BACKENDS)
    for transport in TRANSPORTS
    if any(neutral.backend == backend for neutral in injection.operations)
]


def _operations(injection: Injection, backend: str, transport: str, *, thorough: bool) -> list[Neutral]:
    operations = [neutral for neutral in injection.operations if neutral.backend == backend]
    if thorough or (transport == "requests" and is_first_of_row(injection)):
        return operations
    questions = [neutral for neutral in operations if neutral.call in NEW_QUESTIONS] or operations
    return questions[:1] if transport == "requests" else questions


@pytest.mark.parametrize(("transport", "injection", "backend"), CELLS, indirect=["transport"])
def test_a_route_whose_first_member_has_a_fault_asks_the_next_or_ends_as_its_owner_does(
    transport: str,
    injection: Injection,
    backend: str,
    client_on: Opens,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    record_property: Any,
) -> None:
    loop = None if transport == "requests" else request.getfixturevalue("loop")
    thorough = request.config.getoption("thorough")
    for neutral in _operations(injection, backend, transport, thorough=thorough):
        outcome = expect_on_route(neutral, injection.outcome(neutral, transport))
        opens = open_routes(neutral, outcome, client_on, loop)
        try:
            figures = run_cell(injection, on_route(neutral), monkeypatch, opens, outcome)
        except BaseException as error:
            error.add_note(f"with {neutral.name} on a route")
            raise
        record_property("cell", json.dumps(figures))
