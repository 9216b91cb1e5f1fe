"""The bench's figures, at the end of the run: collected from every worker through the reports of its tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.faults.neutral import TRANSPORTS, Opens, async_client_on, sync_client_on


@pytest.fixture(scope="session", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Both transports in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def client_on(transport: str, request: pytest.FixtureRequest) -> Opens:
    """Opens clients over the transport."""
    if transport == "requests":
        return sync_client_on
    return partial(async_client_on, request.getfixturevalue("loop" if transport == "h11" else "uv_loop"))


def _cells(reports: list[Any]) -> Iterator[dict[str, Any]]:
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == "cell" and report.when == "call":
                yield json.loads(value)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print them, if any cell ran."""
    passed = list(_cells(terminalreporter.stats.get("passed", [])))
    failed = [report for report in terminalreporter.stats.get("failed", []) if "/faults/" in report.nodeid]
    if not passed:
        return
    write = terminalreporter.write_line
    terminalreporter.section("fault bench")
    for line in figures(passed, [_read_failure(report) for report in failed]):
        write(line)


def _read_failure(report: Any) -> str:
    """What a failed test said, without its source: that holds the words of every oracle."""
    return "\n".join(line for line in report.longreprtext.splitlines() if line.startswith("E "))


def figures(passed: list[dict[str, Any]], failures: list[str]) -> list[str]:
    """The lines of the summary; what went wrong is told by the words of the oracle that noticed."""

    def count_noticed(*words: str) -> int:
        return sum(any(word in failure for word in words) for failure in failures)

    injections = {(cell["row"], cell["name"]) for cell in passed}
    rows = {cell["row"] for cell in passed}
    overruns = [cell["overrun"] for cell in passed if cell["overrun"] is not None]
    longest = f"{max(overruns) * 1000:.0f} ms of {len(overruns)} measured" if overruns else "none measured"
    again = sum(cell["again"] for cell in passed)
    return [
        f"injections: {len(injections)}, in {len(rows)} rows of the table",
        f"injections x operations tried: {len(passed) + len(failures)}",
        f"outcomes as expected: {len(passed)}",
        f"questions asked twice without permission: {count_noticed('the question was seen')}",
        f"answers to the wrong caller: {count_noticed('not the answer to the question')}",
        f"events lost or duplicated: {count_noticed('events were lost')}",
        f"secrets leaked: {count_noticed('the error shows', 'the log shows')}",
        f"sockets left open: {count_noticed('left open')}",
        f"longest overrun of a deadline: {longest}" + (f" ({again} measured again)" if again else ""),
    ]


@pytest.fixture
def count(record_property: Any) -> Callable[..., None]:
    """Count what a test of its own tried, as a cell is counted."""

    def count_cell(row: int, name: str, *, overrun: float | None = None) -> None:
        record_property("cell", json.dumps({"row": row, "name": name, "overrun": overrun, "again": 0}))

    return count_cell


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench talks to loopback only, whatever the machine's proxies are."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
