"""The JSON Schema of `unichat.toml`, generated from the settings of all installed adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from attrs import Attribute

from unichat.adapter import Backend, Secret
from unichat.config import registry
from unichat.config.registry import Find, Names
from unichat.config.setting_types import is_keyword_only, is_sequence, union_members
from unichat.config.validation import setting_attributes
from unichat.routing.settings import ROUTES

_JSON_TYPES: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_PROFILE = {"type": "string", "minLength": 1}
_MEMBERS = {
    "fallback": {
        "type": "array",
        "items": _PROFILE,
        "minItems": 1,
        "uniqueItems": True,
        "description": "A route: the profiles that are asked, in this order, until one answers.",
    },
    "split": {
        "type": "object",
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
        "minProperties": 1,
        "description": "A route: the profiles that users are split over, with their weights.",
    },
    "shadow": {
        "type": "object",
        "properties": {
            "primary": {**_PROFILE, "description": "The profile that answers."},
            "other": {**_PROFILE, "description": "The profile that is asked, too, in the background."},
        },
        "required": ["primary", "other"],
        "additionalProperties": False,
        "description": "A route: one profile answers, and another is asked the same without being waited for.",
    },
}
"""What a route's profile has instead of a backend."""


def schema(*, find: Find = registry.find, names: Names = registry.names) -> dict[str, Any]:
    """Return the schema (2020-12) of the config file, for editors and checkers.

    A profile must only name its backend, or its members if it is a route: any setting may come from the environment or
    a keyword.

    Args:
        find: finds a backend by name.
        names: the names of all backends.

    Raises:
        ConfigError: an installed adapter does not load.
    """
    backends = [find(name) for name in names()]
    profile = {
        "type": "object",
        "properties": {
            "backend": {"enum": [backend.name for backend in backends], "description": "The vendor's adapter."},
            "url": {
                "type": "string",
                "pattern": f"^({'|'.join(re.escape(backend.name) for backend in backends)})://",
                "description": "Settings in one line, such as kapa://PROJECT_ID?integration_id=…; "
                "the profile's own keys override them.",
            },
            **_MEMBERS,
        },
        "anyOf": [{"required": [key]} for key in ("backend", "url", *ROUTES)],
        "allOf": [
            *({"if": _matches_backend(each), "then": {"$ref": f"#/$defs/{each.name}"}} for each in backends),
            *({"if": {"required": [kind]}, "then": {"$ref": f"#/$defs/-{kind}"}} for kind in ROUTES),
        ],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "unichat.toml",
        "description": "Profiles of support bots for unichat.",
        "type": "object",
        "properties": {
            "default": {"type": "string", "description": "The profile that is used when none is named."},
            "profiles": {
                "type": "object",
                "description": "The profiles by name.",
                "additionalProperties": {"$ref": "#/$defs/-profile"},
            },
        },
        "additionalProperties": False,
        # With a hyphen in front, which no adapter's name has: the adapters' own definitions are here too.
        "$defs": {
            "-profile": profile,
            "-secret": _secret_schema(),
            **{f"-{kind}": _route_schema(kind) for kind in ROUTES},
            **{backend.name: _settings_schema(backend) for backend in backends},
        },
    }


def _matches_backend(backend: Backend[Any]) -> dict[str, Any]:
    """Return the schema that matches this backend's profiles: by name, or by URL where no name is given."""
    by_url = {
        "required": ["url"],
        "properties": {"url": {"pattern": f"^{re.escape(backend.name)}://"}, "backend": False},
    }
    return {"anyOf": [{"required": ["backend"], "properties": {"backend": {"const": backend.name}}}, by_url]}


def _settings_schema(backend: Backend[Any]) -> dict[str, Any]:
    settings = {item.name: _setting_schema(item) for item in setting_attributes(backend.settings)}
    return {
        "title": backend.title,
        # Both are described in -profile; named here, so that they do not count as additional.
        "properties": {"backend": True, "url": True, **settings},
        "additionalProperties": False,
    }


def _route_schema(kind: str) -> dict[str, Any]:
    settings = {item.name: _setting_schema(item) for item in setting_attributes(ROUTES[kind])}
    return {
        "title": f"A route: {kind}",
        # Described in -profile.
        "properties": {kind: True, **settings},
        "additionalProperties": False,
    }


def _setting_schema(item: Attribute[Any]) -> dict[str, Any]:
    description = item.metadata.get("help", "")
    if item.metadata.get("env"):
        description = f"{description} Read from {item.metadata['env']} when left out."
    result: dict[str, Any] = {"description": description.strip(), **_type_schema(item.type)}
    if isinstance(item.default, str | int | float | tuple):
        result["default"] = list(item.default) if isinstance(item.default, tuple) else item.default
    return result


def _type_schema(annotation: Any) -> dict[str, Any]:
    # Functions and objects can only be keywords: a file cannot hold one.
    schemas = [_member_schema(member) for member in union_members(annotation) if not is_keyword_only(member)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _member_schema(annotation: Any) -> dict[str, Any]:
    if annotation is Secret:
        return {"$ref": "#/$defs/-secret"}
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    if annotation in _JSON_TYPES:
        return {"type": _JSON_TYPES[annotation]}
    if is_sequence(annotation):
        return {"type": "array", "items": _type_schema(get_args(annotation)[0])}
    return {"type": "object", "additionalProperties": _type_schema(get_args(annotation)[1])}


def _secret_schema() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    entry = {
        "type": "object",
        "properties": {"service": text, "username": text},
        "required": ["service", "username"],
        "additionalProperties": False,
    }
    slashed = {"type": "string", "pattern": "^.+/[^/]+$"}
    return {
        "description": "A secret: better a reference than plain text.",
        "anyOf": [
            text,
            _reference_schema(
                "env", {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "An environment variable."
            ),
            _reference_schema("file", text, "A file that holds only the secret; relative to the config file."),
            _reference_schema("keyring", {"anyOf": [slashed, entry]}, "An entry of the system's keyring."),
        ],
    }


def _reference_schema(name: str, target: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {**target, "description": description}},
        "required": [name],
        "additionalProperties": False,
    }
