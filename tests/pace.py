"""Tests whose limits are real seconds, on machines that are as busy as they like.

Most tests run on a clock of their own. Those of deadlines over real sockets cannot: a short limit makes a slow machine
look like a slow vendor, and a long one makes the tests long. So such a test takes a `pace`, multiplies its limits by
it, and is run at one pace after the other until it passes. A busy machine is too slow for 0.15 seconds, and not for
eight times as many; a protection that is broken fails at every pace.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

PACES = (1, 1, 2, 4, 8)
PATIENCE = 30.0
"""Seconds to wait for what is sure to happen: far more than it takes, however busy the machine is."""


def at_any_pace(test: Callable[..., None]) -> Callable[..., None]:
    """Decorate a test: run it at one pace after the other, until it passes."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        for pace in PACES[:-1]:
            try:
                return test(*args, **kwargs, pace=pace)
            except (Exception, pytest.fail.Exception):
                # At the next pace it fails again, unless it was for want of time.
                continue
        return test(*args, **kwargs, pace=PACES[-1])

    parameters = inspect.signature(test).parameters.values()
    # Without `pace`, for which pytest would look for a fixture.
    run.__signature__ = inspect.Signature([each for each in parameters if each.name != "pace"])  # type: ignore[attr-defined]
    return run


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    late = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < late, "it did not happen"
        time.sleep(0.002)
