"""Which backend is meant, and what is said about it: by a name, a URL, or a profile of the config file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from unichat._text.printable import quoted
from unichat._text.templates import Argument, Template, Term
from unichat.config.files import FILE, Config, user_file
from unichat.config.given import Given, Source
from unichat.config.problems import NoConfig, Problem, unknown
from unichat.config.urls import is_url, parse_url
from unichat.errors import ConfigError

Layer = Mapping[str, Given]
Names = Callable[[], tuple[str, ...]]


@frozen(kw_only=True)
class Selection:
    """A backend's name, and the settings that come with it, not yet checked.

    Attributes:
        backend: the name; None if it is not known.
        place: where the backend was named, for messages; empty if an argument named it.
        identity: the first part of a URL.
        layers: settings by name, the weakest layer first.
    """

    backend: str | None = None
    place: str = ""
    identity: Given | None = None
    layers: tuple[Layer, ...] = ()


def by_target(target: object, environ: Mapping[str, str], cwd: Path) -> tuple[Selection, list[Problem]]:
    """Select what the first argument of `connect` says: a backend's name, or a URL."""
    if isinstance(target, str) and is_url(target):
        return _by_url(target, Source(place="the URL", form="url", folder=cwd, environ=environ))
    # A text with other marks is a URL gone wrong, which may hold a secret and is not shown.
    if isinstance(target, str) and target.replace("-", "_").isidentifier():
        return Selection(backend=target), []
    problem = "the backend should be a name or a URL"
    if not isinstance(target, str):
        problem += f", not {type(target).__name__}"
    return Selection(), [Problem(problem, hint="Such as kapa, or kapa://PROJECT_ID?integration_id=…", key="backend")]


def _by_url(text: str, source: Source) -> tuple[Selection, list[Problem]]:
    url, problems = parse_url(text, place=source.place)
    if url is None:
        return Selection(place=source.place), problems
    selection = Selection(
        backend=url.backend,
        place=source.place,
        identity=None if url.identity is None else Given(url.identity, source),
        layers=({name: Given(value, source) for name, value in url.query.items()},),
    )
    return selection, problems


def by_profile(file: Config, name: str, environ: Mapping[str, str], names: Names) -> tuple[Selection, list[Problem]]:
    """Select what the profile `name` of `file` says; its own keys override those of its `url`."""
    place = f"{file.path}, profile {quoted(name)}"
    folder = file.path.absolute().parent if file.path else Path()
    source = Source(place=place, form="file", folder=folder, environ=environ)
    profile = file.profiles[name]
    backend, problems = _text(profile, "backend", place)
    url, more = _text(profile, "url", place)
    problems += more
    selection = Selection(place=place)
    if url is not None:
        url_source = Source(place=f"{place}, url", form="url", folder=folder, environ=environ)
        selection, more = _by_url(url, url_source)
        problems += more
        if backend is not None and selection.backend not in (None, backend):
            text = f"backend is {quoted(backend)}, but url is one of {quoted(selection.backend)}"
            problems.append(Problem(text, place=place, key="backend"))
    elif backend is None and not problems:
        hint = f"Give backend or url. Installed: {', '.join(names()) or 'none'}."
        problems.append(Problem("backend is missing", place=place, hint=hint, key="backend", accepted=names()))
    settings = {key: Given(value, source) for key, value in profile.items() if key not in ("backend", "url")}
    selected = Selection(
        backend=selection.backend if backend is None else backend,
        place=place,
        identity=selection.identity,
        layers=(*selection.layers, settings),
    )
    return selected, problems


def _text(profile: Mapping[str, Any], key: str, place: str) -> tuple[str | None, list[Problem]]:
    value = profile.get(key)
    if key not in profile or isinstance(value, str):
        return value, []
    return None, [Problem(f"{key} should be text, not {type(value).__name__}", place=place, key=key)]


def profile_name(
    file: Config, asked: object, environ: Mapping[str, str], reported: frozenset[str | None]
) -> tuple[str | None, Problem | None, type[ConfigError]]:
    """Return the profile to use: the one asked for, that of `UNICHAT_PROFILE`, the file's default, or its only one.

    Returns the name, or else the problem and the class of its error. There is neither where what is wrong with the
    file explains it (`reported` has the keys of that).
    """
    place = ""
    if asked is None and (variable := environ.get("UNICHAT_PROFILE")):
        asked, place = variable, "UNICHAT_PROFILE"
    if isinstance(asked, str) and asked in file.profiles:
        return asked, None, ConfigError
    if asked is None and file.default in file.profiles:
        return file.default, None, ConfigError
    if asked is None and file.default is None and len(file.profiles) == 1:
        return next(iter(file.profiles)), None, ConfigError
    default_is_wrong = asked is None and (file.default is not None or "default" in reported)
    if default_is_wrong or (isinstance(asked, str) and asked in reported) or (reported and not file.profiles):
        return None, None, ConfigError
    if file.path is None and asked is None:
        return None, _no_config(), NoConfig
    return None, _no_profile(file, asked, place), ConfigError


def _no_config() -> Problem:
    return Problem(
        f"no backend was named, and no config file was found: no {FILE} from the working directory upwards, "
        f"and no {user_file()}",
        hint=Template(
            "Write the file (`unichat sandbox` prints one to try)",
            Template(", or name a backend, as in ", Term('connect("kapa", …)')),
            ".",
        ),
        key="config",
    )


def _no_profile(file: Config, asked: object, place: str) -> Problem:
    if asked is not None and not isinstance(asked, str):
        return Problem(f"profile should be a name, not {type(asked).__name__}", key="profile")
    if asked is not None and file.path is None:
        hint = Template(f"Write {FILE}, or name the file with ", Argument("config"), " or UNICHAT_CONFIG.")
        return Problem(f"profile {quoted(asked)} was named, but there is no config file", place=place, hint=hint)
    if asked is not None:
        where = f"{file.path}, which {place} names" if place else str(file.path)
        return unknown("profile", asked, file.profiles, place=where)
    names = tuple(file.profiles)
    if not names:
        return Problem("has no profiles", place=str(file.path), hint="Write one, such as [profiles.support].")
    return Problem(
        f"has the profiles {', '.join(names)}, and none was named",
        place=str(file.path),
        hint=Template(
            "Name one with ",
            Argument("profile"),
            f' or UNICHAT_PROFILE, or write default = "{names[0]}" at the top of the file.',
        ),
        key="profile",
        accepted=names,
    )
