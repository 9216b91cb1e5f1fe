"""Compares an answer with the contract's schema, and says how it differs: JSON Schema, read as a contract.

JSON Schema says whether a value is valid. A contract check asks more: what is new, what the adapter would miss, and
which reading of an ambiguous point the vendor follows. So some keywords have a meaning of their own here:

| Keyword | Meaning |
| --- | --- |
| `required`, `type`, `enum` | one difference for each property, with a pointer to where it stands, or should stand |
| `properties` | a property that is not listed is new, unless `additionalProperties` allows it |
| `x-read` | the adapter reads this property: it breaks if it is missing, null or of another type |
| `anyOf`, `oneOf` | only the differences from the alternative that fits best; a `discriminator` chooses it |
| `x-ambiguity` | beside `anyOf`: an open point, which the vendor's answer settles; its default comes first |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from unichat.contract.document_schema import find_document_problem
from unichat.contract.findings import Finding, Kind, Verdict
from unichat.contract.keywords import Keywords, can_be_shown, without_numbers
from unichat.contract.operations import InvalidDocument
from unichat.contract.pointers import escape
from unichat.errors import ConfigError

_BASE = "urn:unichat:contract"


class SchemaComparer:
    """Compares values with the schemas of one contract.

    Raises:
        ConfigError: jsonschema, the extra `contract`, is not installed.
        InvalidDocument: a schema, or another part of the document, is not valid.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        missing = False
        try:
            import jsonschema
            from referencing import Registry
            from referencing.jsonschema import DRAFT202012
        except ModuleNotFoundError as error:
            missing = error.name in ("jsonschema", "referencing")
            if not missing:
                raise
        if missing:
            raise ConfigError("jsonschema is not installed", hint='Install it: pip install "unichat-bridge[contract]".')
        self.document = document
        if (problem := find_document_problem(document)) is not None:
            raise InvalidDocument(f"is not a valid document: {problem}")
        self._registry = Registry().with_resource(_BASE, DRAFT202012.create_resource(document))
        checker = jsonschema.FormatChecker(formats=())
        for name, parse in (("uuid", UUID), ("date-time", datetime.fromisoformat), ("date", date.fromisoformat)):
            checker.checks(name, raises=ValueError)(_accepts(parse))
        self._checker = checker
        self._keywords = Keywords(document)
        extend: Any = jsonschema.validators.extend
        self._validator = extend(jsonschema.Draft202012Validator, self._keywords.functions())

    def compare(self, value: Any, pointer: str) -> list[Finding]:
        """Return how `value` differs from the schema at `pointer` in the contract.

        There is one finding for each place and kind, at the first row that shows it.
        """
        validator = self._validator(
            {"$ref": f"{_BASE}#{pointer}"}, registry=self._registry, format_checker=self._checker
        )
        found: dict[tuple[str, Kind], Finding] = {}
        for error in validator.iter_errors(value):
            finding = _finding(error)
            key = (without_numbers(_shown_path(error)), finding.kind)
            if key not in found or (found[key].verdict is Verdict.OK and finding.verdict is not Verdict.OK):
                found[key] = finding
        wrong_type = {place for place, kind in found if kind in ("type", "null")}
        return [
            finding
            for (place, kind), finding in found.items()
            if not (kind == "new_enum_value" and place in wrong_type)
        ]

    def described_objects(self, value: Any, pointer: str) -> dict[int, frozenset[str] | None]:
        """Return the objects in `value` whose properties the schema at `pointer` lists, by their ids (`id(…)`).

        With each, the names of the properties; None if it may have no others.
        """
        self._keywords.described.clear()
        self.compare(value, pointer)
        return dict(self._keywords.described)


def _accepts(parse: Any) -> Any:
    def check(value: object) -> bool:
        return not isinstance(value, str) or bool(parse(value))

    return check


def _shown_path(error: Any) -> list[str | int]:
    """Return the path to what differs, with `?` for a key that is no name: it may be a person's words."""
    return [part if isinstance(part, int) or can_be_shown(part) else "?" for part in error.absolute_path]


def _finding(error: Any) -> Finding:
    pointer = "".join(f"/{escape(part)}" for part in _shown_path(error))
    kind: Kind = getattr(error, "kind", None) or _kind(error)
    if kind in ("new_field", "new_enum_value"):
        verdict = Verdict.DRIFT
    elif kind == "settled":
        verdict = Verdict.OK if error.is_default else Verdict.DRIFT
    else:
        verdict = Verdict.BROKEN if getattr(error, "read", True) else Verdict.DRIFT
    return Finding(kind, pointer, _describe(kind, error), verdict=verdict)


def _kind(error: Any) -> Kind:
    if error.instance is None:
        return "null"
    if error.validator in ("enum", "const"):
        accepted = error.validator_value if error.validator == "enum" else [error.validator_value]
        if any(type(each) is type(error.instance) for each in accepted) and not isinstance(error.instance, bool):
            return "new_enum_value"
    return "type"


def _describe(kind: Kind, error: Any) -> str:
    if kind in ("missing", "settled", "new_field"):
        return str(error.message)
    if kind == "null":
        return "is null, which the contract does not allow"
    if kind == "new_enum_value":
        shown = error.instance if can_be_shown(error.instance) else "a text"
        return f"is {shown}, which is not one of the values that the contract lists"
    found = type_name(error.instance)
    if error.validator == "type":
        wanted = error.validator_value
        names = [wanted] if isinstance(wanted, str) else wanted
        return f"is {found}, not {' or '.join(names)}"
    if error.validator == "format":
        return f"is {found} that is not a {error.validator_value}"
    return f"is {found} that the contract does not allow ({error.validator})"


def type_name(value: object) -> str:
    """Return the name of a value's JSON type."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
