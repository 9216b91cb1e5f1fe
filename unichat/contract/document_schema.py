"""What a contract's document has to look like: OpenAPI 3.1 as far as unichat reads it, as a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from unichat._text.printable import shorten
from unichat.adapter import Replay
from unichat.contract.pointers import escape

_SCHEMA = "urn:unichat:contract:schema"
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_OBJECT = {"type": "object"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _by_name(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


def _or_reference(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "if": {"required": ["$ref"]}, "then": _object(**{"$ref": _TEXT}), "else": value}


# JSON Schema 2020-12 with the keywords of unichat's own. The anchor makes it hold for the schemas within a schema, too.
_DIALECT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": _SCHEMA,
    "$dynamicAnchor": "meta",
    "$ref": "https://json-schema.org/draft/2020-12/schema",
    "properties": {
        "x-read": _FLAG,
        "x-ambiguity": _TEXT,
        "discriminator": _object(propertyName=_TEXT),
        "anyOf": {"minItems": 1},
        "oneOf": {"minItems": 1},
        # References are pointers from the document's root.
        "$id": False,
        "$dynamicRef": False,
    },
}
_MEDIA = _object(schema={"$ref": _SCHEMA})
_LINK = _object(("operationId",), operationId=_TEXT, parameters=_OBJECT, requestBody=_OBJECT)
_RESPONSE = _or_reference(_object(content=_by_name(_MEDIA), links=_by_name(_LINK)))
_PARAMETER = _or_reference(_object(("name",), name=_TEXT, required=_FLAG, schema={"$ref": _SCHEMA}))
_JSON_BODY = _object(("schema",), schema={"$ref": _SCHEMA}, example=_OBJECT)
_READING = _object(("title",), title=_TEXT, arguments=_OBJECT)
_BODY = _or_reference(
    _object(
        ("content",),
        content=_object(("application/json",), **{"application/json": _JSON_BODY}),
        **{"x-readings": {"type": "array", "items": _READING}, "x-ambiguity": _TEXT},
    )
)
_STREAM = _object(delimiter=_TEXT, record={"$ref": _SCHEMA}, type=_TEXT, expects=_TEXTS)
_OPERATION = _object(
    ("operationId", "responses", "x-replay"),
    operationId={"type": "string", "minLength": 1},
    parameters={"type": "array", "items": _PARAMETER},
    requestBody=_BODY,
    responses=_by_name(_RESPONSE),
    **{
        "x-replay": {"enum": [each.value for each in Replay]},
        "x-stream": _STREAM,
        "x-rows": _TEXTS,
        "x-optional": _TEXT,
        "x-check": _TEXT,
        "x-clear-guard": _TEXT,
    },
)
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DOCUMENT = _object(
    info=_object(version=_TEXT),
    paths=_by_name(_object(**dict.fromkeys(METHODS, _OPERATION))),
    components=_object(
        schemas=_by_name({"$ref": _SCHEMA}),
        parameters=_by_name(_PARAMETER),
        responses=_by_name(_RESPONSE),
        requestBodies=_by_name(_BODY),
    ),
)


def find_document_problem(document: Mapping[str, Any]) -> str | None:
    """Return where a document is not a valid contract, and why; None if it is. Needs jsonschema."""
    return _find_problem(json.dumps(document))


@lru_cache(maxsize=64)
def _find_problem(text: str) -> str | None:
    """Return the problem of a document, as JSON.

    A process that checks a vendor often would otherwise spend most of the time on this: it takes 0.1 s for a contract.
    """
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match
    from jsonschema_specifications import REGISTRY as SPECIFICATIONS  # type: ignore[import-untyped]
    from referencing.jsonschema import DRAFT202012

    registry: Any = SPECIFICATIONS.with_resource(_SCHEMA, DRAFT202012.create_resource(_DIALECT)).crawl()
    validator = Draft202012Validator(_DOCUMENT, registry=registry, format_checker=FormatChecker(("regex",)))
    error = best_match(validator.iter_errors(json.loads(text)))
    if error is None:
        return None
    where = "".join(f"/{escape(part)}" for part in error.absolute_path)
    return f"{where or 'the whole'} ({shorten(error.message, 100)})"
