"""The scorecard of adapters: how the tests of `AdapterConformance` ended, class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

_OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def write_scorecard(reporter: pytest.TerminalReporter) -> None:
    """Write how many tests of each class ended in which way, and for which capabilities some were skipped."""
    from unichat.testing.conformance import CONFORMANCE

    counts: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for outcome, report in _reports(reporter):
        for name, value in report.user_properties:
            if name == "unichat_conformance":
                counts.setdefault(value, Counter())[outcome] += 1
                if outcome in ("skipped", "xfailed"):
                    reasons.setdefault(value, Counter())[_reason(report)] += 1
    reporter.write_sep("=", f"conformance of adapters, version {CONFORMANCE}")
    if not counts:
        reporter.write_line("no tests of AdapterConformance were run")
    for name, found in sorted(counts.items()):
        reporter.write_line(f"{name}: " + ", ".join(f"{found[each]} {each}" for each in _OUTCOMES if found[each]))
        for reason, count in sorted(reasons.get(name, Counter()).items()):
            reporter.write_line(f"    {count} {reason}")


def _reports(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, Any]]:
    for outcome in _OUTCOMES:
        for report in reporter.stats.get(outcome, []):
            if hasattr(report, "user_properties"):
                yield outcome, report


def _reason(report: Any) -> str:
    if getattr(report, "wasxfail", ""):
        return f"expected to fail: {report.wasxfail.removeprefix('reason: ')}"
    skipped = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"skipped: {skipped.removeprefix('Skipped: ')}"
