"""JSON Schemas of an operation's parameters and of its answer, each complete in itself; taken from the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
    found = {} if backend.contracts is None else _read_schemas(backend)
    return {each.name: _describe(each, found.get(each.name)) for each in backend.endpoints}


def _describe(endpoint: Endpoint, found: OperationSchemas | None) -> OperationSchemas:
    """Return what the contract says of an operation, if it has it, and of each other parameter what its type says."""
    known = {} if found is None else found.parameters
    types = get_type_hints(endpoint.function)
    parameters = {
        each.name: known[each.name] if each.name in known else type_schema(types.get(each.name, Any))
        for each in endpoint.parameters
    }
    return OperationSchemas(parameters, {} if found is None else found.answer)


def _read_schemas(backend: Backend[Any]) -> dict[str, OperationSchemas]:
    """Return the schemas of the operations that a backend's newest contract has, by name."""
    assert backend.contracts is not None
    document = load_contract(backend)
    try:
        return {
            each.name: OperationSchemas(
                {name: _complete(schema, document) for name, schema in _read_parameters(each, document)},
                _complete(_read_answer(each, document), document),
            )
            for each in read_operations(document)
        }
    except (InvalidDocument, LookupError, AttributeError, TypeError, ValueError) as error:
        problem = str(error) if isinstance(error, InvalidDocument) else _explain(document, error)
    raise invalid_contract(backend.name, backend.contracts.versions[-1], problem)


def _explain(document: Mapping[str, Any], error: Exception) -> str:
    """Return why a document is not valid, as well as can be said without jsonschema where it is not installed."""
    with suppress(ModuleNotFoundError):
        from unichat.contract.document_schema import find_document_problem

        return f"is not a valid document: {find_document_problem(document) or type(error).__name__}"
    return f"is not a valid document ({type(error).__name__})"


def _read_parameters(operation: ContractOperation, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for parameter in find(document, operation.pointer).get("parameters", ()):
        found = _follow(parameter, document)
        yield found["name"], found.get("schema", {})
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
