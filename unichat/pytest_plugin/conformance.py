"""Keeps the classes of `AdapterConformance` whole where a class cannot see it: marks on it, and around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unichat.testing.conformance import AdapterConformance


def fail_if_marked(item: pytest.Item, report: pytest.TestReport) -> None:
    """Make a test of the suite one that failed if it is skipped, or expected to fail, by any mark but one of its own.

    Marks of its own, on the method that overrides a test of the suite, are checked by the suite.
    """
    cls = getattr(item, "cls", None)
    if not (isinstance(cls, type) and issubclass(cls, AdapterConformance)):
        return
    names = sorted(set(_marks_from_outside(item)))
    if names:
        report.outcome = "failed"
        report.longrepr = (
            f"{cls.__name__} has the mark {', '.join(names)} as a whole, from its class, its module or a conftest.py: "
            "that would take tests out of the suite. Remove it. A single test that cannot pass yet is overridden by a "
            "method of the class's own that has the mark @pytest.mark.xfail(reason=…)"
        )
        vars(report).pop("wasxfail", None)


def _marks_from_outside(item: pytest.Item) -> Iterator[str]:
    function = getattr(item, "function", None)
    own = getattr(function, "pytestmark", ())
    is_of_suite = hasattr(AdapterConformance, getattr(function, "__name__", ""))
    for node, mark in item.iter_markers_with_node():
        if mark.name not in ("skip", "skipif", "xfail"):
            continue
        # A further test of the class may have such a mark on one of its parameters.
        if node is not item or (is_of_suite and not any(mark is each for each in own)):
            yield mark.name
