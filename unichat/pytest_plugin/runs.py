"""How often a test of a bot runs: on each backend, and with each fault."""

from __future__ import annotations

import pytest

from unichat.pytest_plugin.options import chosen_backends, chosen_faults, simulated_backends


def multiply(metafunc: pytest.Metafunc) -> None:
    """Run a test on each backend and with each fault, as far as it has fixtures that depend on them.

    A fixture that the project has its own of, or that the test's own `parametrize` gives, is left alone.
    """
    needed = set(metafunc.fixturenames) - _given_by_marks(metafunc)
    backends: tuple[str, ...] = ()
    if {"unichat_backend", "_unichat_backend"} <= needed:
        backends = chosen_backends(metafunc.config) or simulated_backends()
    faults: tuple[str | None, ...] = ()
    if {"unichat_fault", "_unichat_fault"} <= needed:
        faults = (None, *chosen_faults(metafunc.config))
    if backends and faults:
        runs = [(backend, fault) for backend in backends for fault in faults]
        names = [_name_run(backend, fault) for backend, fault in runs]
        metafunc.parametrize(("_unichat_backend", "_unichat_fault"), runs, ids=names, indirect=True)
    elif backends:
        metafunc.parametrize("_unichat_backend", backends, ids=backends, indirect=True)
    elif len(faults) > 1:
        vendor = next((name for fixture, name in _VENDORS.items() if fixture in metafunc.fixturenames), None)
        names = [_name_run(vendor, fault) for fault in faults]
        metafunc.parametrize("_unichat_fault", faults, ids=names, indirect=True)


_VENDORS = {"fake_backend": "fake", "unichat_backend": None, "unichat_sandbox": "sandbox"}
"""What the id of a run shows in the place of a backend, by the first of these fixtures that its test has."""


def _given_by_marks(metafunc: pytest.Metafunc) -> set[str]:
    """Return the fixtures that `parametrize` gives a test."""
    given: set[str] = set()
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        given.update(each.strip() for each in (names.split(",") if isinstance(names, str) else names))
    return given


def _name_run(vendor: str | None, fault: str | None) -> str:
    return "-".join(part for part in (vendor, fault) if part is not None) or "plain"


def check_backend(backend: str | None) -> str:
    """Return the backend of a run.

    Raises:
        pytest.UsageError: there is none, since pytest did not know that the test has a fixture that needs one.
    """
    if backend is None:
        raise pytest.UsageError(
            "a test with unichat_client, unichat_async_client or unichat_backend runs on each backend, so one of them "
            "has to be an argument of the test or of a fixture: instead of request.getfixturevalue, name it there, or "
            'use @pytest.mark.usefixtures("unichat_backend")'
        )
    return backend
