"""Saved checks: a file with the shapes of a vendor's answers, without values, and how two of them differ."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from unichat._text.printable import format_value
from unichat.config.small_files import expand_user_path, read_small_file
from unichat.contract.findings import Finding, OperationReport, Report, Verdict, not_exercised_finding, worst
from unichat.contract.keywords import without_numbers
from unichat.contract.shapes import compare_shapes
from unichat.errors import ConfigError

FORMAT = 1
"""The format of the files. One of another format is refused."""
_LIMIT = 64 * 1024 * 1024


def check_can_save(path: str | os.PathLike[str]) -> None:
    """Check that `save` can write to this file, which is left as it is: before a check, rather than after it.

    Raises:
        ConfigError: it cannot be written.
    """
    target = expand_user_path(path)
    problem = None
    try:
        # As `save` does.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        Path(name).unlink()
        if target.is_dir():
            problem = "it is a folder"
    except (OSError, ValueError) as error:
        problem = _name_problem(error)
    if problem is not None:
        raise _write_error(target, problem)


def _name_problem(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or "not a valid path"


def _write_error(target: Path, problem: str) -> ConfigError:
    return ConfigError(f"{target} cannot be written ({problem})", path=str(target), hint="Choose another file.")


def save(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report with the shapes of its answers to a file that only its owner can read: whole, or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    target = expand_user_path(path)
    content = {
        "format": FORMAT,
        "backend": report.backend,
        "version": report.version,
        "operations": [_to_json(operation) for operation in report.operations],
    }
    problem = None
    temporary: Path | None = None
    try:
        # Made with mode 0600, whatever the umask is.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
        temporary.replace(target)
    except (OSError, ValueError) as error:
        problem = _name_problem(error)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    if problem is not None:
        raise _write_error(target, problem)


def _to_json(operation: OperationReport) -> dict[str, Any]:
    found = operation.to_json()
    found["findings"] = [{**finding.to_json(), "verdict": finding.verdict.value} for finding in operation.findings]
    return {**found, "status": operation.status, "shape": operation.shape}


def read(path: str | os.PathLike[str]) -> Report:
    """Return the report in a file that `save` wrote.

    Raises:
        ConfigError: it cannot be read, or it is not such a file, or one of another format.
    """
    target = expand_user_path(path)
    data = read_small_file(target, _LIMIT).data
    problem = "is not a saved check"
    try:
        content = json.loads(data)
        found = content["format"]
        if found == FORMAT:
            return Report(
                backend=_text(content["backend"]),
                version=_text(content["version"]),
                operations=tuple(_from_json(operation) for operation in content["operations"]),
            )
        problem = f"is a saved check of format {format_value(found)}, and this unichat reads {FORMAT}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise ConfigError(
        f"{target} {problem}", path=str(target), hint="Save it again with: unichat contract check --save FILE."
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _from_json(raw: Mapping[str, Any]) -> OperationReport:
    findings = tuple(
        Finding(each["kind"], _text(each["pointer"]), _text(each["message"]), verdict=Verdict(each["verdict"]))
        for each in raw["findings"]
    )
    if raw["shape"] is not None:
        _check_shape(raw["shape"])
    return OperationReport(
        name=_text(raw["name"]),
        method=_text(raw["method"]),
        path=_text(raw["path"]),
        verdict=Verdict(raw["verdict"]),
        findings=findings,
        shape=raw["shape"],
        status=raw["status"],
    )


def _check_shape(shape: Mapping[str, Any]) -> None:
    if not all(isinstance(name, str) for name in shape["types"]):
        raise TypeError("types")
    for field in shape.get("fields", {}).values():
        _check_shape(field)
    if "items" in shape:
        _check_shape(shape["items"])


def diff(old: Report, new: Report) -> Report:
    """Return how a saved check differs from an older one, with the same verdicts as a check.

    What breaks the contract in the newer check is broken, whatever the older one found. Drift that the older check
    found as well is not a difference; any other difference is drift. Where only the newer check says anything, what it
    found counts, and an operation in which it found nothing is unknown.

    Raises:
        ConfigError: they are of two backends.
    """
    if old.backend != new.backend:
        raise ConfigError(
            f"one check is of {old.backend}, and the other of {new.backend}", hint="Compare two of the same backend."
        )
    before = {operation.name: operation for operation in old.operations}
    after = {operation.name for operation in new.operations}
    compared = [_compare(before.get(operation.name), operation) for operation in new.operations]
    gone = [operation for operation in old.operations if operation.name not in after]
    compared += [_replace(operation, (not_exercised_finding("only in the older check"),)) for operation in gone]
    return Report(backend=new.backend, version=new.version, operations=tuple(compared))


def _compare(old: OperationReport | None, new: OperationReport) -> OperationReport:
    if new.verdict is Verdict.UNKNOWN:
        return _replace(new, new.findings)
    if old is None:
        return _without_comparison(new, "only in the newer check")
    if old.verdict is Verdict.UNKNOWN:
        return _without_comparison(new, "the older check did not exercise it")
    return _replace(new, tuple(_differences(old, new)))


def _without_comparison(new: OperationReport, reason: str) -> OperationReport:
    """Return what the newer check found, which stands without the older one, and that there was nothing to compare."""
    found = tuple(finding for finding in new.findings if finding.verdict is not Verdict.OK)
    verdict = Verdict.OK if found else Verdict.UNKNOWN
    return _replace(new, (*found, not_exercised_finding(reason, verdict=verdict)))


def _differences(old: OperationReport, new: OperationReport) -> Iterator[Finding]:
    known = {(_place(finding), finding.message) for finding in old.findings}
    judged = set()
    for finding in new.findings:
        if finding.verdict is Verdict.BROKEN or (_place(finding), finding.message) not in known:
            judged.add(_place(finding))
            yield finding
    if old.shape is not None and new.shape is not None:
        yield from (each for each in compare_shapes(old.shape, new.shape) if _place(each) not in judged)


def _place(finding: Finding) -> tuple[str, str]:
    parts = [int(part) if part.isdigit() else part for part in finding.pointer.split("/")]
    return finding.kind, without_numbers(parts)


def _replace(operation: OperationReport, findings: tuple[Finding, ...]) -> OperationReport:
    return evolve(operation, findings=findings, verdict=worst(findings))
