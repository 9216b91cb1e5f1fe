"""The JSON Schema of `unichat.toml`, generated from the settings of all installed adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from attrs import Attribute

from unichat.adapter import Backend, Secret
from unichat.config import registry
from unichat.config.checking import settings_of
from unichat.config.kinds import is_function, members
from unichat.config.resolving import Find
from unichat.config.selection import Names

_PLAIN: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema(*, find: Find = registry.find, names: Names = registry.names) -> dict[str, Any]:
    """Return the schema (2020-12) of the config file, for editors and checkers.

    Nothing is required of a profile but to name its backend: any setting may come from the environment or a keyword.

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
        },
        "anyOf": [{"required": ["backend"]}, {"required": ["url"]}],
        "allOf": [{"if": _is_of(backend), "then": {"$ref": f"#/$defs/{backend.name}"}} for backend in backends],
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
        # A hyphen in front: no adapter's name begins with one, and theirs stand here too.
        "$defs": {
            "-profile": profile,
            "-secret": _secret(),
            **{backend.name: _settings(backend) for backend in backends},
        },
    }


def _is_of(backend: Backend[Any]) -> dict[str, Any]:
    """Return the schema of profiles that are of this backend: by name, or by URL where no name is given."""
    by_url = {
        "required": ["url"],
        "properties": {"url": {"pattern": f"^{re.escape(backend.name)}://"}, "backend": False},
    }
    return {"anyOf": [{"required": ["backend"], "properties": {"backend": {"const": backend.name}}}, by_url]}


def _settings(backend: Backend[Any]) -> dict[str, Any]:
    settings = {item.name: _setting(item) for item in settings_of(backend.settings)}
    return {
        "title": backend.title,
        # The two keys of every profile are described there; named here, they are not additional.
        "properties": {"backend": True, "url": True, **settings},
        "additionalProperties": False,
    }


def _setting(item: Attribute[Any]) -> dict[str, Any]:
    description = item.metadata.get("help", "")
    if item.metadata.get("env"):
        description = f"{description} Read from {item.metadata['env']} when left out."
    result: dict[str, Any] = {"description": description.strip(), **_of_kind(item.type)}
    if isinstance(item.default, str | int | float):
        result["default"] = item.default
    return result


def _of_kind(kind: Any) -> dict[str, Any]:
    # Functions are for keywords alone: no file can hold one.
    schemas = [_of_member(member) for member in members(kind) if not is_function(member)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _of_member(kind: Any) -> dict[str, Any]:
    if kind is Secret:
        return {"$ref": "#/$defs/-secret"}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    return {"type": "object", "additionalProperties": _of_kind(get_args(kind)[1])}


def _secret() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    entry = {
        "type": "object",
        "properties": {"service": text, "username": text},
        "required": ["service", "username"],
        "additionalProperties": False,
    }
    slashed = {"type": "string", "pattern": "^.+/[^/]+$"}
    return {
        "description": "A secret: better by reference than written out.",
        "anyOf": [
            text,
            _reference("env", {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "An environment variable."),
            _reference("file", text, "A file that holds the secret alone; relative to the config file."),
            _reference("keyring", {"anyOf": [slashed, entry]}, "An entry of the system's keyring."),
        ],
    }


def _reference(name: str, target: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {**target, "description": description}},
        "required": [name],
        "additionalProperties": False,
    }
