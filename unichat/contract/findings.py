"""What a check finds: findings, the verdict on each operation, and the report on all of them."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

Kind = Literal[
    "missing",
    "type",
    "null",
    "new_field",
    "new_enum_value",
    "new_status",
    "status",
    "not_json",
    "settled",
    "not_exercised",
]


class Verdict(enum.Enum):
    """What an operation amounts to, from best to worst; `UNKNOWN` is apart."""

    OK = "ok"
    """The vendor follows the contract."""
    DRIFT = "drift"
    """It has something new, or does what the contract leaves open in another way; the adapter copes."""
    BROKEN = "broken"
    """It lacks something that the adapter reads, or answers as no contract says."""
    UNKNOWN = "unknown"
    """Not exercised, or not answered in a way that says anything about the contract."""


@frozen
class Finding:
    """One difference between the vendor and the contract, or why an operation says nothing.

    Attributes:
        kind: what it is.
        pointer: a JSON pointer into the answer; of a stream, the record's number (from 0) first. Empty for the whole.
        message: one sentence, which holds no text of a question or answer.
        verdict: what it makes of its operation.
    """

    kind: Kind
    pointer: str
    message: str
    verdict: Verdict = field(default=Verdict.OK, kw_only=True)

    def redact(self, redact: Callable[[str], str]) -> Finding:
        """Return it without secrets."""
        return evolve(self, pointer=redact(self.pointer), message=redact(self.message))

    def to_json(self) -> dict[str, str]:
        """Return it as reports show it."""
        return {"kind": self.kind, "pointer": self.pointer, "message": self.message}


@frozen(kw_only=True)
class OperationReport:
    """The verdict on one operation of the contract, and what it rests on.

    Attributes:
        shape: the shape of the answer, without values; None if there was none. See `unichat.contract.shapes`.
        status: the HTTP status of the answer; None if there was none.
    """

    name: str
    method: str
    path: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    shape: Any = field(default=None, repr=False)
    status: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as reports show it."""
        return {
            "name": self.name,
            "method": self.method,
            "path": self.path,
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
        }


@frozen(kw_only=True)
class Report:
    """What a check, or a comparison of two, found.

    Attributes:
        version: the contract's.
        operations: in the order of the contract.
        made: what the check changed at the vendor, such as threads that it made, ratings, and a history that it
            cleared; empty after a check that only read.
    """

    backend: str
    version: str
    operations: tuple[OperationReport, ...]
    made: tuple[str, ...] = ()

    @property
    def exercised(self) -> bool:
        """Whether any operation says anything."""
        return any(operation.verdict is not Verdict.UNKNOWN for operation in self.operations)

    def has(self, verdict: Verdict) -> bool:
        """Whether any operation has this verdict."""
        return any(operation.verdict is verdict for operation in self.operations)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        report: dict[str, Any] = {
            "backend": self.backend,
            "version": self.version,
            "operations": [operation.to_json() for operation in self.operations],
        }
        return {**report, "made": list(self.made)} if self.made else report

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=2)


def broken_finding(kind: Kind, message: str, pointer: str = "") -> Finding:
    """Return the finding of something that the adapter cannot cope with."""
    return Finding(kind, pointer, message, verdict=Verdict.BROKEN)


def not_exercised_finding(reason: str, pointer: str = "", *, verdict: Verdict = Verdict.UNKNOWN) -> Finding:
    """Return the finding that an operation, or a part of its answer, was not seen."""
    return Finding("not_exercised", pointer, reason, verdict=verdict)


_SEVERITY = (Verdict.OK, Verdict.DRIFT, Verdict.UNKNOWN, Verdict.BROKEN)


def worst(findings: Sequence[Finding]) -> Verdict:
    """Return the verdict that the findings amount to."""
    return max((finding.verdict for finding in findings), key=_SEVERITY.index, default=Verdict.OK)
