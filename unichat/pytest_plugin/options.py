"""What the options of the plugin name: backends and faults."""

from __future__ import annotations

from difflib import get_close_matches

import pytest

from unichat.config.plugins import SIMULATORS, list_plugins
from unichat.pytest_plugin import SMOKE
from unichat.testing.faults import FAULTS, find_fault


def simulated_backends() -> tuple[str, ...]:
    """Return the names of the backends that have a simulator here, sorted."""
    return tuple(sorted(list_plugins(SIMULATORS)))


def check_options(config: pytest.Config) -> None:
    """Check the names that the options give.

    Raises:
        pytest.UsageError: one is unknown, or an option has none.
    """
    chosen_backends(config)
    chosen_faults(config)


def chosen_backends(config: pytest.Config) -> tuple[str, ...]:
    """Return the backends of `--unichat-backends`; none if it is not given."""
    names = config.getoption("--unichat-backends")
    return () if names is None else parse_backends(names)


def chosen_faults(config: pytest.Config) -> tuple[str, ...]:
    """Return the faults of `--unichat-faults`; none if it is not given."""
    names = config.getoption("--unichat-faults")
    return () if names is None else parse_faults(names)


def parse_backends(names: str) -> tuple[str, ...]:
    """Return the backends that are named, in that order.

    Raises:
        pytest.UsageError: one has no simulator here, or none is named.
    """
    known = simulated_backends()
    chosen = _split("--unichat-backends", names)
    for name in chosen:
        if name not in known:
            raise pytest.UsageError(f"--unichat-backends: there is no simulator of {name!r}; {_advice(name, known)}")
    return chosen


def parse_faults(names: str) -> tuple[str, ...]:
    """Return the faults that are named, in that order; `smoke` stands for several.

    Raises:
        pytest.UsageError: there is no such fault, or none is named.
    """
    chosen: dict[str, None] = {}
    for name in _split("--unichat-faults", names):
        for each in SMOKE if name == "smoke" else (name,):
            chosen[each] = None
    for name in chosen:
        try:
            find_fault(name)
        except ValueError:
            raise pytest.UsageError(
                f"--unichat-faults: no fault is called {name!r}; {_advice(name, ('smoke', *FAULTS))}"
            ) from None
    return tuple(chosen)


def _split(option: str, names: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))
    if not chosen:
        raise pytest.UsageError(f"{option} has no name: give one or more, separated by commas")
    return chosen


def _advice(name: str, known: tuple[str, ...]) -> str:
    nearest = get_close_matches(name, known, n=1)
    return (f"did you mean {nearest[0]}? " if nearest else "") + f"There are: {', '.join(known)}"
