"""JSON Schemas of an operation's parameters and of its answer, each complete in itself; taken from the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import frozen

from unichat.adapter import Backend, Endpoint
from unichat.config.setting_types import union_members
from unichat.contract.documents import invalid_contract, load_contract
from unichat.contract.operations import ContractOperation, InvalidDocument, read_operations
from unichat.contract.pointers import find

_COMPONENTS = "#/components/schemas/"
_JSON_TYPES: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}


@frozen
class OperationSchemas:
    """The schemas of one operation.

    Attributes:
        parameters: by name.
        answer: of a success; of a stream, of the list of its records. Empty, which allows anything, where the adapter
            has no contract.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    answer: Mapping[str, Any]


def describe_operations(backend: Backend[Any]) -> dict[str, OperationSchemas]:
    """Return the schemas of a backend's operations by name, as its newest contract has them.

    A parameter that the contract does not have, which is one of unichat's own, is described by its type in Python, as
    all of an adapter without a contract are.

    Raises:
        ConfigError: the contract cannot be read.
    """
    document: Mapping[str, Any] = {}
    operations: Mapping[str, ContractOperation] = {}
    if backend.contracts is not None:
        document = load_contract(backend)
        try:
            operations = {each.name: each for each in read_operations(document)}
        except InvalidDocument as problem:
            raise invalid_contract(backend.name, backend.contracts.versions[-1], str(problem)) from None
    return {each.name: _describe(each, operations.get(each.name), document) for each in backend.endpoints}


def _describe(endpoint: Endpoint, operation: ContractOperation | None, document: Mapping[str, Any]) -> OperationSchemas:
    found = {} if operation is None else dict(_read_parameters(operation, document))
    types = get_type_hints(endpoint.function)
    parameters = {
        each.name: _complete(found[each.name], document)
        if each.name in found
        else type_schema(types.get(each.name, Any))
        for each in endpoint.parameters
    }
    answer = {} if operation is None else _complete(_read_answer(operation, document), document)
    return OperationSchemas(parameters, answer)


def _read_parameters(operation: ContractOperation, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for parameter in find(document, operation.pointer).get("parameters", ()):
        found = _follow(parameter, document)
        yield found["name"], found["schema"]
    if operation.body_pointer is not None:
        yield from _follow(find(document, operation.body_pointer), document).get("properties", {}).items()


def _read_answer(operation: ContractOperation, document: Mapping[str, Any]) -> Mapping[str, Any]:
    pointer = operation.success_pointer
    content: Mapping[str, Any] = {} if pointer is None else find(document, pointer).get("content", {})
    return next((media.get("schema", {}) for media in content.values()), {})


def _follow(value: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        value = find(document, value["$ref"].removeprefix("#"))
    return value


def _complete(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with the definitions that it refers to within it."""
    definitions: dict[str, Any] = {}
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = find(document, f"/components/schemas/{name}")
            waiting += _references(definitions[name])
    complete: dict[str, Any] = _move_references(schema)
    if definitions:
        complete["$defs"] = {name: _move_references(definitions[name]) for name in sorted(definitions)}
    return complete


def _references(value: Any) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to, in it or in a part of it."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_COMPONENTS):
            yield reference.removeprefix(_COMPONENTS).partition("/")[0]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _references(item)


def _move_references(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: re.sub(f"^{_COMPONENTS}", "#/$defs/", item)
            if key in ("$ref", "mapping") and isinstance(item, str)
            else _move_references(item)
            for key, item in value.items()
        }
    return [_move_references(item) for item in value] if isinstance(value, list) else value


def type_schema(annotation: Any) -> dict[str, Any]:
    """Return the schema of a parameter's type in Python; empty, which allows anything, for one that JSON has not."""
    members = [each for each in union_members(annotation) if each is not NoneType]
    schemas = [_member_schema(each) for each in members]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _member_schema(annotation: Any) -> dict[str, Any]:
    if annotation in _JSON_TYPES:
        return {"type": _JSON_TYPES[annotation]}
    origin = get_origin(annotation) or annotation
    if origin is Literal:
        return {"enum": list(get_args(annotation))}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        items = get_args(annotation)
        return {"type": "array", "items": type_schema(items[0])} if items else {"type": "array"}
    return {}
