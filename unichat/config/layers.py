"""Merges what the keywords, the profile, its URL and the environment say into one raw value for each setting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unichat._text.printable import format_value
from unichat.adapter import Backend
from unichat.config.problems import Problem
from unichat.config.raw_values import KEYWORD, RawValue, Source
from unichat.config.selection import Layer, Selection
from unichat.config.validation import setting_attributes


def merge_layers(
    selection: Selection, backend: Backend[Any], *, keywords: Mapping[str, Any], environ: Mapping[str, str], cwd: Path
) -> tuple[Layer, list[Problem]]:
    """Return all layers merged into one, and what is wrong with their combination.

    Args:
        selection: the backend's name, and the settings that come with it.
        backend: the backend.
        keywords: the settings that win over those; None counts as left out.
        environ: the environment, whose settings all others win over.
        cwd: the folder that relative paths of the keywords and the environment start from.

    Raises:
        ConfigError: the adapter has a setting of a type that config does not support.
    """
    attributes = setting_attributes(backend.settings)
    known = {item.name for item in attributes}
    keyword_source = Source(location=KEYWORD, form="keyword", folder=cwd, environ=environ)
    raw_values: dict[str, RawValue] = {}
    problems = []
    if selection.identity is not None:
        source = selection.identity.source
        if backend.identity is None:
            text = f"has an id, and {backend.name} has none"
            hint = f"Write {backend.name}://?KEY=VALUE, with each setting in the query."
            problems.append(Problem(text, location=source.location, key="url", hint=hint))
        else:
            raw_values[backend.identity] = selection.identity
        if backend.identity in selection.layers[0]:
            text = f"has {format_value(backend.identity)} twice: after // and in the query"
            problems.append(Problem(text, location=source.location, key=backend.identity))
    for layer in selection.layers:
        raw_values.update(layer)
    # A caller may pass None on as its own default; for an unknown name, it is as wrong as any other value.
    raw_values.update(
        (name, RawValue(value, keyword_source))
        for name, value in keywords.items()
        if value is not None or name not in known
    )
    for item in attributes:
        variable = item.metadata.get("env")
        value = environ.get(variable) if variable else None
        excluded = any(name in raw_values for name in item.metadata.get("env_unless", ()))
        if value and item.name not in raw_values and not excluded:
            location = f"environment variable {variable}"
            source = Source(location=location, form="environment", folder=cwd, environ=environ)
            raw_values[item.name] = RawValue(value, source)
    return raw_values, problems
