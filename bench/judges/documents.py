"""The contracts as the judges need them: the simulators follow the first reading of each open point."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unichat.contract import list_contracts, load

BACKENDS = ("kadal", "kapa")
INTEGERS: dict[str, dict[str, int]] = {"kadal": {"minimum": -(2**63), "maximum": 2**63 - 1}, "kapa": {}}
"""The integers that each simulator takes, which no contract says."""


def versions() -> list[tuple[str, str]]:
    """Return the backends and versions of all contracts of the built-in adapters."""
    return [(each.backend, each.version) for each in list_contracts() if each.backend in BACKENDS]


def choose_readings(value: Any, integers: dict[str, int]) -> Any:
    """Return a part of a contract with the first reading of each open point, and the limits of `integers`."""
    if isinstance(value, list):
        return [choose_readings(item, integers) for item in value]
    if not isinstance(value, dict):
        return value
    if "x-ambiguity" in value and "anyOf" in value:
        value = {key: item for key, item in value.items() if key != "anyOf"} | value["anyOf"][0]
    if value.get("type") == "integer":
        value = integers | value
    return {key: choose_readings(item, integers) for key, item in value.items()}


def write(folder: Path, backend: str, version: str | None = None, *, stream: str | None = None) -> Path:
    """Write a contract, with one reading of each open point, into a folder; return its file.

    Args:
        stream: of a judge that knows no streams of records: what a stream may look like, which is only a text to it.
    """
    document = choose_readings(load(backend, version), INTEGERS[backend])
    for method in _operations(document):
        if stream is not None and "x-stream" in method:
            (content,) = method["responses"]["200"]["content"].values()
            content |= {"schema": {"type": "string"}, "example": stream}
    path = folder / f"{backend}-{version or 'newest'}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from (method for method in methods.values() if isinstance(method, dict))
