"""The structure of the config file: `default`, and profiles, which are tables. Their settings are not looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.config.problems import Problem, nearest, unknown_name
from unichat.config.search import PYPROJECT
from unichat.config.small_files import FileContents
from unichat.routing.settings import ROUTES

_KEYS = ("default", "profiles")


def _show_names(profiles: Mapping[str, Any]) -> str:
    return f"<{', '.join(profiles)}>"


@frozen(kw_only=True)
class Config:
    """A config file before anything in it is resolved, so no secret is fetched.

    Attributes:
        path: the file; None if there is none.
        similar: where there is none, a file whose name is nearly right.
        default: the profile that is used when none is named; None if the file names none.
        profiles: the profiles by name. Their values may be secrets: show only the keys.
        readable_by_others: whether the file's permissions let its group or everybody read it.
        mode: the file's permission bits.
    """

    path: Path | None = None
    similar: Path | None = None
    default: str | None = None
    profiles: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=_show_names)
    readable_by_others: bool = False
    mode: int = 0


def check_structure(path: Path, contents: FileContents, table: Any) -> tuple[Config, list[Problem]]:
    """Return the profiles of unichat's part of a file, and what is wrong around them."""
    in_pyproject = path.name == PYPROJECT
    location = str(path) + (" [tool.unichat]" if in_pyproject else "")
    if not isinstance(table, dict):
        return Config(path=path), [Problem("should be a table", location=location, key="config")]
    prefix = "tool.unichat." if in_pyproject else ""
    problems = _check_keys(table, location, prefix)
    profiles = table.get("profiles", {})
    example = f"[{prefix}profiles.support]"
    if not isinstance(profiles, dict):
        problems.append(Problem(f"profiles should hold tables, such as {example}", location=location, key="profiles"))
        profiles = {}
    elif {"backend", "url", "fallback"} & {key for key, value in profiles.items() if not isinstance(value, dict)}:
        text = f"[{prefix}profiles] has settings, but should have profiles, which have them"
        problems.append(Problem(text, location=location, key="profiles", hint=f"Give it a name, such as {example}."))
        profiles = {name: value for name, value in profiles.items() if isinstance(value, dict)}
    problems += [
        Problem(
            f"profile {format_value(name)} should be a table, such as [{prefix}profiles.{name}]",
            location=location,
            key=name,
        )
        for name, profile in profiles.items()
        if not isinstance(profile, dict)
    ]
    default = table.get("default")
    if "default" in table and not isinstance(default, str):
        problems.append(Problem("default should be a profile's name", location=location, key="default"))
        default = None
    elif default is not None and default not in profiles and (profiles or not problems):
        problems.append(unknown_name("profile", default, profiles, location=f"{location}, default"))
    config = Config(
        path=path,
        default=default,
        profiles={name: profile for name, profile in profiles.items() if isinstance(profile, dict)},
        readable_by_others=contents.readable_by_others,
        mode=contents.mode,
    )
    return config, problems


def _check_keys(table: Mapping[str, Any], location: str, prefix: str) -> list[Problem]:
    unknown = [key for key in table if key not in _KEYS]
    loose = [key for key in unknown if not isinstance(table[key], dict) and nearest(key, _KEYS) is None]
    if "profiles" in table and not {"backend", "url"} & set(loose):
        # Other mistakes are likelier than a flat file.
        loose = []
    problems = [
        unknown_name("key", key, _KEYS, location=location, advice=_advise(key, table[key], prefix))
        for key in unknown
        if key not in loose
    ]
    if loose:
        # Settings, one mistake for all of them. Their values may be secrets.
        backend = table.get("backend")
        name = backend if isinstance(backend, str) and backend.isidentifier() else "support"
        text = f"{', '.join(map(format_value, loose))} {'is' if len(loose) == 1 else 'are'} outside of a profile"
        hint = f"Write a line above, with a name of your choice: [{prefix}profiles.{name}]"
        problems.insert(0, Problem(text, location=location, hint=hint, key=loose[0], accepted=_KEYS))
    return problems


def _advise(key: str, value: object, prefix: str) -> str:
    if not isinstance(value, dict):
        return ""
    if not prefix and key in ("tool", "unichat"):
        return f"only {PYPROJECT} has a table for each tool: here, default and profiles are at the top"
    if value.keys() & {"backend", "url", *ROUTES}:
        return f"a profile belongs under profiles: [{prefix}profiles.{key}]"
    return ""
