"""`unichat profiles`: lists the profiles of the config file, without any values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from unichat.cli import options, output


@click.command("profiles")
@options.config
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file, for editors, and nothing else.")
@options.as_json
def command(config: str | None, schema: bool, as_json: bool) -> None:
    """List the profiles of the config file.

    The default profile is marked. No value of the file is shown, since each may be a secret, except for the members of
    a route, and a base_url that is not the vendor's own.
    """
    from unichat import config as configuration

    if schema:
        output.print_json(configuration.schema())
        return
    file = configuration.load(config)
    default = os.environ.get("UNICHAT_PROFILE") or file.default or _only_profile(file.profiles)
    rows = [
        {
            "name": name,
            "default": name == default,
            "backend": _backend_name(profile),
            **_describe_route(profile),
            "base_url": configuration.profile_base_url(file, name),
            "settings": sorted(profile),
        }
        for name, profile in file.profiles.items()
    ]
    if as_json:
        output.print_json({"path": None if file.path is None else str(file.path), "default": default, "profiles": rows})
    elif file.path is None:
        output.print_note("note: no config file was found; `unichat sandbox --toml` prints one to try")
    else:
        output.print_text(str(file.path))
        _print_profiles(rows)


def _print_profiles(profiles: list[dict[str, Any]]) -> None:
    columns = {
        "profile": [each["name"] for each in profiles],
        "default": ["*" if each["default"] else "" for each in profiles],
        "backend": [_describe_kind(each) for each in profiles],
        "base_url": [each["base_url"] or "" for each in profiles],
        "settings": [", ".join(each["settings"]) for each in profiles],
    }
    if not any(columns["base_url"]):
        del columns["base_url"]
    output.print_table(tuple(columns), list(zip(*columns.values(), strict=True)))


def _describe_kind(row: Mapping[str, Any]) -> str:
    if "route" in row:
        return f"{row['route']} of {', '.join(row['members']) or '?'}"
    return row["backend"] or "?"


def _describe_route(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return which kind of route a profile is, and its members, as far as it names them; empty if it is none."""
    from unichat import config as configuration

    kind = configuration.find_kind(profile)
    if kind is None:
        return {}
    return {"route": kind, "members": list(configuration.read_members(kind, profile[kind], "")[0].names)}


def _only_profile(profiles: Mapping[str, Any]) -> str | None:
    return next(iter(profiles)) if len(profiles) == 1 else None


def _backend_name(profile: Mapping[str, Any]) -> str | None:
    """Return the backend that a profile names, by its key or by the scheme of its URL."""
    backend, url = profile.get("backend"), profile.get("url")
    if isinstance(backend, str):
        return backend
    scheme, mark, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    return scheme if mark else None
