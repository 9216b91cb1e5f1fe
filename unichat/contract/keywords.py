"""The keywords of JSON Schema that mean something else in a contract; `unichat.contract.schemas` says what.

A keyword is a generator function, as jsonschema wants them: it yields an error for each difference. Besides what
jsonschema sets, an error has `kind`, if its keyword does not say that, and `read`: whether the adapter reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from unichat.contract.pointers import escape, find

_OTHER_PROPERTIES = ("additionalProperties", "unevaluatedProperties", "patternProperties")
_SHOWN = re.compile(r"[A-Za-z0-9_.\-]{1,40}")


def can_be_shown(value: object) -> bool:
    """Whether a value of the vendor's looks like a name: anything else may be a person's words."""
    return isinstance(value, str | int | float) and bool(_SHOWN.fullmatch(str(value)))


def without_numbers(path: Iterable[object]) -> str:
    """Return a path with `*` for the number of any row."""
    return "/".join("*" if isinstance(part, int) else escape(part) for part in path)


class Keywords:
    """The keywords, for the schemas of one document.

    Attributes:
        described: by the id (`id(…)`) of each object whose properties a schema lists, their names; None if it may have
            no others. Any other name is free: it may be anybody's words.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.described: dict[int, frozenset[str] | None] = {}

    def functions(self) -> dict[str, Callable[..., Iterator[Any]]]:
        """Return the functions by keyword."""
        return {
            "required": self._check_required,
            "properties": self._check_properties,
            "allOf": self._check_all_parts,
            "anyOf": self._check_nearest_part,
            "oneOf": self._check_named_part,
        }

    def _check_required(
        self, validator: Any, required: Sequence[str], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        if validator.is_type(instance, "object"):
            properties = schema.get("properties", {})
            for name in required:
                if name not in instance:
                    read = _keywords(properties.get(name)).get("x-read", False)
                    yield _error("is missing", kind="missing", path=[name], read=read)

    def _check_properties(
        self, validator: Any, properties: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        if not validator.is_type(instance, "object"):
            return
        may_have_others = not schema.keys().isdisjoint(_OTHER_PROPERTIES)
        self._note_names(instance, properties if may_have_others else None)
        for name, subschema in properties.items():
            if name in instance:
                for error in validator.descend(instance[name], subschema, path=name, schema_path=name):
                    # What stands in a part that the adapter does not read is not read either.
                    vars(error)["read"] = getattr(error, "read", True) and _keywords(subschema).get("x-read", False)
                    yield error
        if not may_have_others:
            known = self._known_names(schema)
            for name in instance:
                if name not in known:
                    shown = f": {name}" if can_be_shown(name) else ""
                    yield _error(f"is not in the contract{shown}", kind="new_field", path=[name], read=False)

    def _note_names(self, instance: Any, names: Iterable[str] | None) -> None:
        noted = self.described.get(id(instance), frozenset())
        self.described[id(instance)] = None if names is None or noted is None else noted.union(names)

    def _known_names(self, schema: Any) -> frozenset[str]:
        """Return the names of the properties that a schema knows, also through those that it is put together from."""
        if not isinstance(schema, Mapping):
            return frozenset()
        known = frozenset(schema.get("properties", ()))
        for keyword in ("allOf", "anyOf", "oneOf"):
            known = known.union(*(self._known_names(each) for each in schema.get(keyword, ())))
        reference = schema.get("$ref", "")
        return known | self._known_names(find(self._document, reference[1:])) if reference.startswith("#/") else known

    def _check_all_parts(
        self, validator: Any, parts: Sequence[Any], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        known = self._known_names(schema)
        for number, part in enumerate(parts):
            for error in validator.descend(instance, part, schema_path=number):
                # New to this part only.
                if _kind(error) != "new_field" or len(error.path) > 1 or error.path[0] not in known:
                    yield error

    def _check_nearest_part(
        self, validator: Any, parts: Sequence[Any], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        found = [list(validator.descend(instance, part, schema_path=number)) for number, part in enumerate(parts)]
        known = self._known_names({"anyOf": parts})
        chosen = min(range(len(parts)), key=lambda number: (*_distance(found[number], known), number))
        yield from found[chosen]
        if "x-ambiguity" in schema and not _wrong(found[chosen]):
            title = _keywords(parts[chosen]).get("title", f"alternative {chosen + 1}")
            message = f"{schema['x-ambiguity']} This vendor: {title}."
            yield _error(message, kind="settled", is_default=chosen == 0, read=False)

    def _check_named_part(
        self, validator: Any, parts: Sequence[Any], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        name = schema.get("discriminator", {}).get("propertyName")
        if name is None or not validator.is_type(instance, "object") or not isinstance(instance.get(name), str):
            yield from self._check_nearest_part(validator, parts, instance, schema)
            return
        values = [_keywords(_keywords(part).get("properties", {}).get(name)).get("const") for part in parts]
        if instance[name] in values:
            number = values.index(instance[name])
            yield from validator.descend(instance, parts[number], schema_path=number)
        else:
            yield _error("", kind="new_enum_value", path=[name], read=False, instance=instance[name])


def _keywords(schema: Any) -> Mapping[str, Any]:
    """Return the keywords of a schema; `true` and `false` are schemas that have none."""
    return schema if isinstance(schema, Mapping) else {}


def _error(message: str, *, path: Sequence[str] = (), instance: Any = None, **facts: Any) -> Any:
    from jsonschema import ValidationError

    error = ValidationError(message, path=path, instance=instance)
    vars(error).update(facts)
    return error


def _wrong(errors: Sequence[Any]) -> list[Any]:
    """Return the errors about what is wrong, without what is merely new or settled."""
    return [error for error in errors if _kind(error) not in ("new_field", "settled")]


def _kind(error: Any) -> str | None:
    return getattr(error, "kind", None)


def _distance(errors: Sequence[Any], known: Collection[str]) -> tuple[bool, int, int, int]:
    """Return how far a value is from an alternative: by its type, its own fields, everything below them, what is new.

    A field of its own that another alternative has (one of the names in `known`) is wrong in this one.
    """
    wrong = _wrong(errors)
    wrong += [each for each in errors if _kind(each) == "new_field" and len(each.path) == 1 and each.path[0] in known]
    places = {(without_numbers(error.path), error.validator) for error in wrong}
    own = sum("/" not in path for path, _ in places)
    return any(error.validator == "type" and not error.path for error in wrong), own, len(places), len(errors)
