"""Finds the contracts of the installed adapters, and reads them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from attrs import frozen

from unichat._text.printable import format_value
from unichat.adapter import Backend, Contracts
from unichat.config import registry
from unichat.errors import ConfigError


@frozen
class ContractName:
    """Which contract: its backend and its version."""

    backend: str
    version: str


def list_contracts() -> tuple[ContractName, ...]:
    """Return which contracts the installed adapters have: by backend, the newest last.

    An adapter that cannot be imported is left out; `load` says what is wrong with it.
    """
    found = []
    for name in registry.names():
        try:
            backend = registry.find(name)
        except ConfigError:
            continue
        found += [ContractName(name, version) for version in backend.contracts.versions] if backend.contracts else []
    return tuple(found)


def load(backend: str, version: str | None = None) -> dict[str, Any]:
    """Return a contract: an OpenAPI document.

    Args:
        backend: the name of an installed adapter.
        version: the contract's version; None for the newest.

    Raises:
        ConfigError: there is no such adapter or version, or the adapter's document cannot be read.
    """
    return load_contract(registry.find(backend), version)


def load_contract(backend: Backend[Any], version: str | None = None) -> dict[str, Any]:
    """Return a contract of this backend. Raises what `load` raises."""
    contracts = backend.contracts
    if contracts is None:
        raise ConfigError(
            f"{backend.name} has no contract",
            key="backend",
            hint="Ask the author of its adapter for one.",
        )
    chosen = contracts.versions[-1] if version is None else version
    if chosen not in contracts.versions:
        raise ConfigError(
            f"{backend.name} has no contract {format_value(chosen)}",
            key="version",
            accepted=contracts.versions,
            hint=f"Use one of {', '.join(contracts.versions)}; without a version, the newest is taken.",
        )
    return _read(backend.name, contracts, chosen)


def _read(backend: str, contracts: Contracts, version: str) -> dict[str, Any]:
    try:
        file = files(contracts.package).joinpath("contract", version, "openapi.json")
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ImportError) as error:
        problem = f"cannot be read ({type(error).__name__})"
    except ValueError:
        problem = "is not JSON in UTF-8"
    else:
        if isinstance(document, dict) and str(document.get("openapi", "")).startswith("3.1"):
            return document
        problem = "is not an OpenAPI 3.1 document"
    raise invalid_contract(backend, version, problem)


def invalid_contract(backend: str, version: str, problem: str) -> ConfigError:
    """Return the error for a contract that is not a valid document; `problem` follows "the contract … "."""
    return ConfigError(
        f"the contract {format_value(version)} of {backend} {problem}",
        key="version",
        hint="Reinstall or repair the adapter that it belongs to.",
    )
