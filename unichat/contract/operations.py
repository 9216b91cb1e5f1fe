"""The operations of a contract, and the keywords of unichat's own at an operation.

| Keyword | What it says |
| --- | --- |
| `x-replay` | the replay class: `read`, `upsert`, `clear`, `ask` or `insert` |
| `x-stream` | the answer is a stream: its `delimiter`, `record`, where a record's `type` stands, which it `expects` |
| `x-rows` | where the rows of a list stand: JSON pointers, of which the first that leads to a list counts |
| `x-optional` | why a vendor of this version may lack the operation |
| `x-check` | `when-named`: a check exercises it only when it is named |
| `x-readings` | at a body: where its fields may go, as an `x-ambiguity`: `title` and `arguments` of each |
| `x-clear-guard` | the operation that lists the token owner's own rows: if there are any, nothing is cleared |

A check sends the contract's examples: an optional argument without one is left out. In an example, `{question}`,
`{user}` and `{settings.NAME}` stand for what the check, or the client, has there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from unichat.adapter import Replay
from unichat.contract.document_schema import METHODS
from unichat.contract.pointers import check_references, escape, find


class InvalidDocument(Exception):
    """A contract is not a valid document; the message says where and why."""


@frozen
class Link:
    """Says that an answer of one operation has an argument of another: `target`, by the name of the `argument`."""

    target: str
    argument: str
    pointer: str


@frozen
class Reading:
    """One reading of where the fields of a body go: what it is called, and the arguments that choose it."""

    title: str
    arguments: Mapping[str, Any]


@frozen(kw_only=True)
class ContractOperation:
    """One operation of a contract.

    Attributes:
        pointer: the JSON pointer to it in the document.
        examples: what a check sends, by argument; placeholders are not filled in yet.
        required: the arguments without which it cannot be called.
        links: what its answers have for other operations.
        readings: of where the fields of its body go, if that is ambiguous; the first is the default.
        ambiguity: what is ambiguous about it.
        responses: by status, as the document has them, references resolved.
    """

    name: str
    method: str
    path: str
    pointer: str
    replay: Replay
    examples: Mapping[str, Any]
    required: frozenset[str]
    arguments: frozenset[str]
    links: tuple[Link, ...]
    responses: Mapping[str, Any] = field(repr=False)
    stream: Mapping[str, Any] | None = None
    rows: tuple[str, ...] = ()
    optional: str = ""
    when_named: bool = False
    clear_guard: str | None = None
    body_pointer: str | None = None
    readings: tuple[Reading, ...] = ()
    ambiguity: str = ""

    def response_pointer(self, status: int) -> str | None:
        """Return the pointer to what the contract says of a status, None if it says nothing."""
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.responses:
                return str(self.responses[key]["pointer"])
        return None

    @property
    def success_pointer(self) -> str | None:
        """The pointer to what the contract says of its first success."""
        return next((str(found["pointer"]) for key, found in self.responses.items() if key.startswith("2")), None)


def read_operations(document: Mapping[str, Any]) -> tuple[ContractOperation, ...]:
    """Return the operations of a contract, in its order.

    Raises:
        InvalidDocument: it lacks something, or a part of it has another form.
    """
    pointer = "/paths"
    try:
        check_references(document)
        operations = []
        for path, methods in document["paths"].items():
            for method in METHODS:
                if method in methods:
                    pointer = f"/paths/{escape(path)}/{method}"
                    operations.append(_read_operation(document, path, method, methods[method], pointer))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidDocument(f"is not a valid document: {pointer} ({type(error).__name__}: {error})") from None
    names = [operation.name for operation in operations]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidDocument(f"is not a valid document: the operationId {twice[0]} appears twice")
    for operation in operations:
        if operation.clear_guard is not None and operation.clear_guard not in names:
            problem = f"x-clear-guard names no operation: {operation.clear_guard}"
            raise InvalidDocument(f"is not a valid document: {operation.pointer} ({problem})")
    return tuple(operations)


def _read_operation(
    document: Mapping[str, Any], path: str, method: str, raw: Mapping[str, Any], pointer: str
) -> ContractOperation:
    examples: dict[str, Any] = {}
    required, arguments = set(), set()
    for parameter in raw.get("parameters", ()):
        found, _ = _resolve(document, parameter, "")
        arguments.add(found["name"])
        if found.get("required", False):
            required.add(found["name"])
        if "example" in found:
            examples[found["name"]] = found["example"]
    body_pointer = None
    body: Mapping[str, Any] = {}
    if "requestBody" in raw:
        body, where = _resolve(document, raw["requestBody"], f"{pointer}/requestBody")
        body_pointer = f"{where}/content/application~1json/schema"
        media = body["content"]["application/json"]
        examples |= media.get("example", {})
        schema, _ = _resolve(document, media["schema"], body_pointer)
        arguments |= set(schema.get("properties", ()))
        required |= set(schema.get("required", ()))
    responses = dict(_read_responses(document, raw["responses"], f"{pointer}/responses"))
    return ContractOperation(
        name=raw["operationId"],
        method=method.upper(),
        path=path,
        pointer=pointer,
        replay=Replay(raw["x-replay"]),
        examples=examples,
        required=frozenset(required),
        arguments=frozenset(arguments),
        links=tuple(_read_links(responses)),
        responses=responses,
        stream=raw.get("x-stream"),
        rows=tuple(raw.get("x-rows", ())),
        optional=raw.get("x-optional", ""),
        when_named=raw.get("x-check") == "when-named",
        clear_guard=raw.get("x-clear-guard"),
        body_pointer=body_pointer,
        readings=tuple(Reading(each["title"], each.get("arguments", {})) for each in body.get("x-readings", ())),
        ambiguity=body.get("x-ambiguity", ""),
    )


def _read_responses(
    document: Mapping[str, Any], raw: Mapping[str, Any], pointer: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, response in raw.items():
        found, where = _resolve(document, response, f"{pointer}/{status}")
        yield status, {**found, "pointer": where}


def _resolve(document: Any, value: Mapping[str, Any], pointer: str) -> tuple[Any, str]:
    """Follow a reference within the document; return what it leads to, and where that stands."""
    while "$ref" in value:
        pointer = value["$ref"].removeprefix("#")
        value = find(document, pointer)
    return value, pointer


_BODY = "$response.body#"


def _read_links(responses: Mapping[str, Any]) -> Iterator[Link]:
    for status, response in responses.items():
        links = response.get("links", {}) if status.startswith("2") else {}
        for link in links.values():
            for argument, expression in {**link.get("parameters", {}), **link.get("requestBody", {})}.items():
                if isinstance(expression, str) and expression.startswith(_BODY):
                    yield Link(link["operationId"], argument, expression.removeprefix(_BODY))


def find_schema(document: Any, response: str) -> str | None:
    """Return the pointer to the schema of a response; None if it has no body."""
    content = find(document, response).get("content", {})
    for media_type in ("application/json", *content):
        if "schema" in content.get(media_type, {}):
            return f"{response}/content/{media_type.replace('/', '~1')}/schema"
    return None


_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")


def fill_in(example: Any, values: Mapping[str, Any]) -> Any:
    """Return an example with its placeholders filled in. One that is the whole text keeps its value's type.

    Raises:
        LookupError: there is no value for a placeholder, whose name is the error's argument.
    """
    if isinstance(example, dict):
        return {key: fill_in(value, values) for key, value in example.items()}
    if isinstance(example, list):
        return [fill_in(value, values) for value in example]
    if isinstance(example, str) and (match := _PLACEHOLDER.fullmatch(example)):
        return _look_up(values, match[1])
    return example


def _look_up(values: Any, name: str) -> Any:
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else getattr(values, part, None)
        if values is None:
            raise LookupError(name)
    return values


def placeholders(example: Any) -> frozenset[str]:
    """Return the names of an example's placeholders."""
    if isinstance(example, dict):
        return frozenset().union(*map(placeholders, example.values()))
    if isinstance(example, list):
        return frozenset().union(*map(placeholders, example))
    match = _PLACEHOLDER.fullmatch(example) if isinstance(example, str) else None
    return frozenset({match[1]}) if match else frozenset()
