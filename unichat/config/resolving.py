"""From what `connect` is told to a backend and its settings.

Whatever is wrong is collected, and only `resolve` raises: its frame has by then dropped everything that may be a
secret, so that a traceback with local variables shows none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat._text.log import log
from unichat._text.printable import quoted
from unichat._text.templates import Template, Term
from unichat.adapter import Backend
from unichat.config import registry
from unichat.config.checking import build, settings_of
from unichat.config.files import Config, read
from unichat.config.given import Given, Source
from unichat.config.kinds import is_secret
from unichat.config.problems import Problem, as_error, from_error
from unichat.config.selection import Layer, Names, Selection, by_profile, by_target, profile_name
from unichat.errors import ConfigError

_KEYWORD = Template(Term("keyword argument"))

Find = Callable[[str], Backend[Any]]
PathText = str | os.PathLike[str]


@frozen(kw_only=True)
class Resolved:
    """What `connect` needs to make a client.

    Attributes:
        backend: the backend.
        settings: an instance of its settings class, with every secret fetched.
        profile: the profile that was used, None without one.
        path: the file that it stands in.
    """

    backend: Backend[Any]
    settings: Any
    profile: str | None
    path: Path | None


@frozen(kw_only=True)
class ProfileCheck:
    """What `check_profile` found.

    Attributes:
        profile: the profile looked at; None if it is not clear which.
        path: its file; None if there is none.
        backend: the name of its backend, where that is known.
        problems: what keeps it from working.
        warnings: what does not keep it from working, but should be mended.
    """

    profile: str | None
    path: Path | None
    backend: str | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]


@frozen(kw_only=True)
class Request:
    """The arguments of `resolve`, in a form that shows none of those that may be secret."""

    target: str | None = field(default=None, repr=False)
    profile: str | None = None
    config: PathText | None = None
    keywords: Mapping[str, Any] = field(factory=dict, repr=False)
    environ: Mapping[str, str] = field(factory=lambda: os.environ, repr=False)
    cwd: Path | None = None
    find: Find = registry.find
    names: Names = registry.names


@frozen(kw_only=True)
class _Outcome:
    """What came of a request: settings, or problems."""

    backend: Backend[Any] | None = None
    name: str | None = None
    settings: Any = field(default=None, repr=False)
    profile: str | None = None
    path: Path | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    error: type[ConfigError] = ConfigError


def resolve(
    target: str | None = None,
    *,
    profile: str | None = None,
    config: PathText | None = None,
    settings: Mapping[str, Any] = {},
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> Resolved:
    """Return the backend that is meant and its settings, checked.

    A setting is what a keyword says; else what the profile, else the URL says; else what its environment variable
    says; else its default. Values from a URL or the environment are text, read as the setting's type: numbers,
    true/false, yes/no, 1/0, and tables as JSON or `up:1,down:2`. All other values are taken as they are.

    Args:
        target: a backend's name, or a URL such as `kapa://PROJECT_ID?integration_id=…`; None for a profile.
        profile: the profile; None for that of `UNICHAT_PROFILE`, the file's default, or the only one there is.
        config: the config file; None to look for it, as `load` does.
        settings: the keyword arguments of `connect`; None counts as left out.
        environ: the environment.
        cwd: where the search for the file starts; None for the working directory.
        find: finds a backend by name.
        names: the names of all backends.

    Raises:
        ConfigError: with all mistakes at once: in the file, the URL, the keywords, the environment, and secrets that
            cannot be fetched.
        NoConfig: there is neither a target nor a file, and no profile was asked for.
    """
    request = Request(
        target=target,
        profile=profile,
        config=config,
        keywords=settings,
        environ=environ,
        cwd=cwd,
        find=find,
        names=names,
    )
    del target, settings, environ
    return settle(request)


def settle(request: Request) -> Resolved:
    """Do what `resolve` does; the caller's frame holds nothing that may be secret if it keeps the request only."""
    outcome = _outcome(request)
    if outcome.backend is None or outcome.problems:
        raise as_error(outcome.problems, path=outcome.path, backend=outcome.name, kind=outcome.error)
    for warning in outcome.warnings:
        log.warning("%s", warning)
    return Resolved(backend=outcome.backend, settings=outcome.settings, profile=outcome.profile, path=outcome.path)


def check_profile(
    profile: str | None = None,
    *,
    config: PathText | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> ProfileCheck:
    """Check a profile as `resolve` would, its secrets included, and return what is wrong instead of raising it.

    The arguments are those of `resolve`.
    """
    outcome = _outcome(Request(profile=profile, config=config, environ=environ, cwd=cwd, find=find, names=names))
    return ProfileCheck(
        profile=outcome.profile,
        path=outcome.path,
        backend=outcome.name,
        problems=outcome.problems,
        warnings=outcome.warnings,
    )


def _outcome(request: Request) -> _Outcome:
    if request.target is None:
        return _of_file(request)
    selection, problems = by_target(request.target, request.environ, request.cwd or Path())
    # Taking one and leaving the other without a word would be a setting that is accepted and ignored.
    problems += [
        Problem(f"{name} was given beside a backend or URL", hint="Give one of the two.", key=name)
        for name, value in (("profile", request.profile), ("config", request.config))
        if value is not None
    ]
    return _settled(request, selection, problems, Config(), None)


def _of_file(request: Request) -> _Outcome:
    file, problems = read(request.config, environ=request.environ, cwd=request.cwd)
    reported = frozenset(problem.key for problem in problems)
    name, problem, error = profile_name(file, request.profile, request.environ, reported)
    if name is None:
        problems += [problem] if problem else []
        return _Outcome(path=file.path, problems=tuple(problems), error=error)
    selection, more = by_profile(file, name, request.environ, request.names)
    return _settled(request, selection, problems + more, file, name)


def _settled(
    request: Request, selection: Selection, problems: list[Problem], file: Config, profile: str | None
) -> _Outcome:
    backend, problem = _found(request.find, selection)
    problems += [problem] if problem else []
    settings = None
    warnings: tuple[str, ...] = ()
    if backend is not None:
        try:
            given, more = _given(request, selection, backend)
            settings, unfit = build(backend.settings, given, place=selection.place)
            problems += more + unfit
            warnings = _warnings(backend.settings, selection, file, profile)
        except ConfigError as error:
            problems.append(from_error(error, selection.place))
    return _Outcome(
        backend=backend,
        # Not the name of the nearest, where that one is only supposed.
        name=backend.name if backend is not None and problem is None else None,
        settings=settings,
        profile=profile,
        path=file.path,
        problems=tuple(problems),
        warnings=warnings,
    )


def _found(find: Find, selection: Selection) -> tuple[Backend[Any] | None, Problem | None]:
    if selection.backend is None:
        return None, None
    try:
        return find(selection.backend), None
    except ConfigError as error:
        problem = from_error(error, selection.place)
    backend = None
    if problem.nearest:
        # Checked as if that one were meant, so that the other mistakes show in the same run.
        backend, _ = _found(find, Selection(backend=problem.nearest))
    return backend, problem


def _given(request: Request, selection: Selection, backend: Backend[Any]) -> tuple[Layer, list[Problem]]:
    """Return all layers in one, and what keeps them from fitting together."""
    attributes = settings_of(backend.settings)
    known = {item.name for item in attributes}
    folder = request.cwd or Path()
    keywords = Source(place=_KEYWORD, form="keyword", folder=folder, environ=request.environ)
    given: dict[str, Given] = {}
    problems = []
    if selection.identity is not None:
        given[backend.identity] = selection.identity
        source = selection.identity.source
        if backend.identity in selection.layers[0]:
            text = f"has {quoted(backend.identity)} twice: after // and in the query"
            problems.append(Problem(text, place=source.place, key=backend.identity))
    for layer in selection.layers:
        given.update(layer)
    # None is what a caller's own default is; under a name that there is not, it is a mistake as any value is.
    given.update(
        (name, Given(value, keywords))
        for name, value in request.keywords.items()
        if value is not None or name not in known
    )
    for item in attributes:
        variable = item.metadata.get("env")
        value = request.environ.get(variable) if variable else None
        excluded = any(name in given for name in item.metadata.get("env_unless", ()))
        if value and item.name not in given and not excluded:
            place = f"environment variable {variable}"
            source = Source(place=place, form="environment", folder=folder, environ=request.environ)
            given[item.name] = Given(value, source)
    return given, problems


def _warnings(kind: type[Any], selection: Selection, file: Config, profile: str | None) -> tuple[str, ...]:
    """Tell of secrets that stand in a file which others can read."""
    if not file.readable_by_others:
        return ()
    written = [
        item.name
        for item in settings_of(kind)
        if is_secret(item.type)
        and any(isinstance(layer[item.name].value, str) for layer in selection.layers if item.name in layer)
    ]
    return tuple(
        f"{file.path}, profile {quoted(profile)}: {name} is written out, and others can read the file "
        f'(mode {file.mode:04o}). Run chmod 600 on it, or give a reference such as {name} = {{env = "…"}}.'
        for name in written
    )
