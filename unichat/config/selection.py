"""Selects a backend and its settings, by a name, a URL, or a profile of the config file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from unichat._text.printable import format_value
from unichat._text.templates import Argument, Template, Term
from unichat.config.problems import Problem, nearest, unknown_name
from unichat.config.raw_values import KEYWORD, RawValue, Source
from unichat.config.registry import Names
from unichat.config.search import FILE_NAME, user_file
from unichat.config.structure import Config
from unichat.config.urls import is_url, parse_url
from unichat.errors import ConfigError, NoConfig
from unichat.routing.settings import ROUTE_KEYS, ROUTES

Layer = Mapping[str, RawValue]
_SYNONYMS = frozenset({"adapter", "engine", "name", "provider", "service", "target", "type", "vendor"})
"""What others call a backend."""


@frozen(kw_only=True)
class Selection:
    """A backend's name, and the settings that come with it, not yet checked.

    Attributes:
        backend: the name; None if it is not known.
        location: where the backend was named, for messages; empty if an argument named it.
        identity: the first part of a URL.
        layers: settings by name, lowest precedence first.
    """

    backend: str | None = None
    location: str = ""
    identity: RawValue | None = None
    layers: tuple[Layer, ...] = ()


def select_by_target(target: object, environ: Mapping[str, str], cwd: Path) -> tuple[Selection, list[Problem]]:
    """Select by the first argument of `connect`: a backend's name, or a URL."""
    if isinstance(target, str) and is_url(target):
        return _select_by_url(target, Source(location="the URL", form="url", folder=cwd, environ=environ))
    # Text with other characters is a broken URL, which may hold a secret and is not shown.
    if isinstance(target, str) and target.replace("-", "_").isidentifier():
        return Selection(backend=target), []
    problem = "the backend should be a name or a URL"
    if not isinstance(target, str):
        problem += f", not {type(target).__name__}"
    return Selection(), [Problem(problem, hint="Such as kapa, or kapa://PROJECT_ID?integration_id=…", key="backend")]


def find_backend_keyword(keywords: Mapping[str, Any], names: Names) -> Problem | None:
    """Return the problem of a backend that was given by a keyword, as in `connect(backend="kapa")`, if one was."""
    name = next(
        (
            name
            for name, value in keywords.items()
            if name in ("backend", "url") or (name in _SYNONYMS and isinstance(value, str) and value in names())
        ),
        None,
    )
    if name is None:
        return None
    return Problem(
        f"there is no setting {format_value(name)}",
        location=KEYWORD,
        hint=Template("A backend or a URL is the first argument, without a name: ", Term('connect("kapa", …)'), "."),
        key=name,
    )


def suggest_profile(target: object, file: Config, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the problems with `target` as a backend; if it is nearly a profile's name as well, the last says so."""
    names = {name.lower(): name for name in file.profiles}
    nearest = get_close_matches(target.lower(), names, n=1) if isinstance(target, str) else []
    if not nearest:
        return problems
    last, name = problems[-1], names[nearest[0]]
    likeness = "this" if name == target else "a similar"
    hint = Template(last.hint, " " if last.hint else "", f"A profile of {file.path} has {likeness} name: ")
    return (*problems[:-1], evolve(last, hint=Template(hint, Argument("profile", name), ".")))


def _select_by_url(text: str, source: Source) -> tuple[Selection, list[Problem]]:
    url, problems = parse_url(text, location=source.location)
    if url is None:
        return Selection(location=source.location), problems
    selection = Selection(
        backend=url.backend,
        location=source.location,
        identity=None if url.identity is None else RawValue(url.identity, source),
        layers=({name: RawValue(value, source) for name, value in url.query.items()},),
    )
    return selection, problems


def select_by_profile(
    file: Config, name: str, environ: Mapping[str, str], names: Names
) -> tuple[Selection, list[Problem]]:
    """Select by the profile `name` of `file`; its own keys override those of its `url`."""
    location = f"{file.path}, profile {format_value(name)}"
    folder = file.path.absolute().parent if file.path else Path()
    source = Source(location=location, form="file", folder=folder, environ=environ)
    profile = file.profiles[name]
    backend, problems = _text_value(profile, "backend", location)
    url, more = _text_value(profile, "url", location)
    problems += more
    selection = Selection(location=location)
    if url is not None:
        url_source = Source(location=f"{location}, url", form="url", folder=folder, environ=environ)
        selection, more = _select_by_url(url, url_source)
        problems += more
        if backend is not None and selection.backend not in (None, backend):
            text = f"backend is {format_value(backend)}, but url is one of {format_value(selection.backend)}"
            problems.append(Problem(text, location=location, key="backend"))
    elif backend is None and not problems:
        problems.append(_missing_backend(profile, location, names()))
    settings = {key: RawValue(value, source) for key, value in profile.items() if key not in ("backend", "url")}
    selected = Selection(
        backend=selection.backend if backend is None else backend,
        location=location,
        identity=selection.identity,
        layers=(*selection.layers, settings),
    )
    return selected, problems


def _missing_backend(profile: Mapping[str, Any], location: str, installed: tuple[str, ...]) -> Problem:
    meant, key = _find_meant_key(profile, installed)
    # Of the value, only what is an adapter's name is shown.
    text = "backend is missing" + (f" (did you mean {key} instead of {format_value(meant)}?)" if meant else "")
    of_routes = [name for name in profile if name in ROUTE_KEYS and name != "deadline"]
    hint = f"Give backend or url. Installed: {', '.join(installed) or 'none'}."
    if of_routes:
        kinds = " or ".join(ROUTE_KEYS[of_routes[0]])
        hint = f"Give backend or url; or, since {of_routes[0]} is a key of a route, {kinds}."
    return Problem(text, location=location, hint=hint, key="backend", accepted=installed, nearest=meant)


def _find_meant_key(profile: Mapping[str, Any], installed: tuple[str, ...]) -> tuple[str | None, str]:
    """Return the key that was probably meant to say what a profile is, and how it should be written."""
    meant = find_backend_key(profile, installed)
    if meant is not None:
        return meant, "backend"
    names = (name for name in profile if name not in ROUTE_KEYS)
    return next(((name, kind) for name in names if (kind := nearest(name, ROUTES))), (None, ""))


def find_backend_key(settings: Mapping[str, Any], installed: tuple[str, ...]) -> str | None:
    """Return the setting that probably was meant to be the backend: by its name, or since an adapter is its value."""
    for name in settings:
        if nearest(name, ("backend", "url")) is not None:
            return name
    named = [name for name, value in settings.items() if isinstance(value, str) and value.lower() in installed]
    return named[0] if named else None


def _text_value(profile: Mapping[str, Any], key: str, location: str) -> tuple[str | None, list[Problem]]:
    value = profile.get(key)
    if key not in profile or isinstance(value, str):
        return value, []
    return None, [Problem(f"{key} should be text, not {type(value).__name__}", location=location, key=key)]


def choose_profile(
    file: Config, requested: object, environ: Mapping[str, str], reported: frozenset[str | None]
) -> tuple[str | None, Problem | None, type[ConfigError]]:
    """Return the profile to use: the requested one, that of `UNICHAT_PROFILE`, the file's default, or its only one.

    Returns the name, or else the problem and the class of its error. Both are None where a problem of the file, whose
    key is in `reported`, explains it already.
    """
    location = ""
    if requested is None and (variable := environ.get("UNICHAT_PROFILE")):
        requested, location = variable, "UNICHAT_PROFILE"
    if isinstance(requested, str) and requested in file.profiles:
        return requested, None, ConfigError
    if requested is None and file.default in file.profiles:
        return file.default, None, ConfigError
    if requested is None and file.default is None and len(file.profiles) == 1:
        return next(iter(file.profiles)), None, ConfigError
    default_is_wrong = requested is None and (file.default is not None or "default" in reported)
    if default_is_wrong or (isinstance(requested, str) and requested in reported) or (reported and not file.profiles):
        return None, None, ConfigError
    if file.path is None and requested is None:
        return None, _no_config_problem(file.similar), NoConfig
    return None, _no_profile_problem(file, requested, location), ConfigError


def _no_config_problem(similar: Path | None) -> Problem:
    todo: str = "Write the file (`unichat sandbox --toml` prints one to try)"
    found = ""
    if similar is not None and similar.name == FILE_NAME:
        todo, found = "Fix the link", f" ({similar} is a link that leads nowhere)"
    elif similar is not None:
        todo, found = f"Rename it to {FILE_NAME}", f" (did you mean {similar}?)"
    users = user_file()
    return Problem(
        f"no backend was named, and no config file was found: no {FILE_NAME} from the working directory upwards, "
        f"and {'no home folder' if users is None else f'no {users}'}{found}",
        hint=Template(todo, Template(", or name a backend, as in ", Term('connect("kapa", …)')), "."),
        key="config",
        nearest=None if similar is None else str(similar),
    )


def _no_profile_problem(file: Config, requested: object, location: str) -> Problem:
    if requested is not None and not isinstance(requested, str):
        return Problem(f"profile should be a name, not {type(requested).__name__}", key="profile")
    if requested is not None and file.path is None:
        hint = Template(f"Write {FILE_NAME}, or name the file with ", Argument("config"), " or UNICHAT_CONFIG.")
        return Problem(
            f"profile {format_value(requested)} was named, but there is no config file", location=location, hint=hint
        )
    if requested is not None:
        where = f"{file.path}, which {location} names" if location else str(file.path)
        return unknown_name("profile", requested, file.profiles, location=where)
    names = tuple(file.profiles)
    if not names:
        table = "tool.unichat.profiles" if file.path is not None and file.path.name == "pyproject.toml" else "profiles"
        return Problem("has no profiles", location=str(file.path), hint=f"Write one, such as [{table}.support].")
    return Problem(
        f"has the profiles {', '.join(names)}, and none was named",
        location=str(file.path),
        hint=Template(
            "Name one with ",
            Argument("profile"),
            f' or UNICHAT_PROFILE, or write default = "{names[0]}" at the top of the file.',
        ),
        key="profile",
        accepted=names,
    )
