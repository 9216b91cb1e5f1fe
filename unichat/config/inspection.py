"""What can be said of a profile without its secrets: where its requests go, and which secrets others can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import fields_dict

from unichat._text.printable import format_value
from unichat.adapter import Backend
from unichat.adapter.setting_checks import http_url_with_query, split_base_url
from unichat.config import registry
from unichat.config.layers import merge_layers
from unichat.config.registry import Find, Names
from unichat.config.selection import Layer, Selection, select_by_profile
from unichat.config.setting_types import is_secret
from unichat.config.structure import Config
from unichat.config.validation import setting_attributes
from unichat.errors import ConfigError


def profile_base_url(
    file: Config,
    profile: str,
    *,
    environ: Mapping[str, str] = os.environ,
    find: Find = registry.find,
    names: Names = registry.names,
) -> str | None:
    """Return the URL that a profile sends its requests to, if that is not the vendor's own.

    Args:
        file: the config file.
        profile: the name of one of its profiles.
        environ: the environment.
        find: finds a backend by name.
        names: the names of all backends.

    Returns:
        The URL without a query; None if it is the vendor's own, or a mistake in the profile keeps it from being used.
    """
    selection, _ = select_by_profile(file, profile, environ, names)
    try:
        if selection.backend is None:
            return None
        backend = find(selection.backend)
        raw_values, _ = merge_layers(selection, backend, keywords={}, environ=environ, cwd=Path())
    except ConfigError:
        return None
    return find_other_base_url(backend, raw_values)


def find_other_base_url(backend: Backend[Any], raw_values: Layer) -> str | None:
    """Return what `profile_base_url` does, for the settings of a backend."""
    base_url = raw_values["base_url"].value if "base_url" in raw_values else None
    if not isinstance(base_url, str):
        return None
    try:
        # One that is refused is not shown: it may hold a password, or be the secret of another setting.
        http_url_with_query("base_url", base_url)
    except ConfigError:
        return None
    own = fields_dict(backend.settings)["base_url"].default
    address = split_base_url(base_url)[0]
    return None if isinstance(own, str) and split_base_url(own)[0] == address else address


def find_exposed_secrets(
    settings_class: type[Any], selection: Selection, file: Config, profile: str | None
) -> tuple[str, ...]:
    """Return a warning for each secret in a file that others can read."""
    if not file.readable_by_others:
        return ()
    exposed = [
        item.name
        for item in setting_attributes(settings_class)
        if is_secret(item.type)
        and any(isinstance(layer[item.name].value, str) for layer in selection.layers if item.name in layer)
    ]
    return tuple(
        f"{file.path}, profile {format_value(profile)}: {name} is written out, and others can read the file "
        f'(mode {file.mode:04o}). Run chmod 600 on it, or give a reference such as {name} = {{env = "…"}}.'
        for name in exposed
    )
