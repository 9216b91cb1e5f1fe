"""From the arguments of `connect` to a backend and its settings, or to a route over several.

Mistakes are collected, and only `resolve_request` raises: by then its frame holds nothing that may be a secret, so that
a traceback with local variables shows none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from unichat._text.log import log
from unichat.adapter import Backend
from unichat.config import registry
from unichat.config.files import read
from unichat.config.inspection import find_exposed_secrets, find_other_base_url
from unichat.config.layers import merge_layers
from unichat.config.problems import Problem, error_from_problems, problem_from_error
from unichat.config.registry import Find, Names
from unichat.config.request import PathText, ResolveRequest
from unichat.config.results import Resolution, ResolvedBackend, ResolvedConfig
from unichat.config.routes import RouteResolver, find_kind
from unichat.config.selection import (
    Selection,
    choose_profile,
    find_backend_keyword,
    select_by_profile,
    select_by_target,
    suggest_profile,
)
from unichat.config.structure import Config
from unichat.config.validation import build_settings
from unichat.errors import ConfigError


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
) -> ResolvedConfig:
    """Return the backend that the arguments select, and its settings, checked; or the route, with those of each member.

    A setting comes from a keyword; else from the profile, else from the URL, else from its environment variable; else
    it has its default. Values from a URL or the environment are text, read as the setting's type: numbers,
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
    request = ResolveRequest(
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
    return resolve_request(request)


def resolve_request(request: ResolveRequest) -> ResolvedConfig:
    """Do what `resolve` does, for a caller whose frame must hold no secrets: the request shows none."""
    resolution = resolve_leniently(request)
    if resolution.resolved is None:
        raise error_from_problems(
            [problem for each in resolution.walk() for problem in each.problems],
            path=resolution.path,
            backend=resolution.backend,
            error_class=resolution.error_class,
        )
    for each in resolution.walk():
        for warning in each.warnings:
            log.warning("%s", warning)
    return resolution.resolved


def resolve_leniently(request: ResolveRequest) -> Resolution:
    """Do what `resolve_request` does, but return the problems."""
    if request.target is None and (misplaced := find_backend_keyword(request.keywords, request.names)):
        return Resolution(problems=(misplaced,))
    if request.target is None:
        file, problems = read(request.config, environ=request.environ, cwd=request.cwd)
        return resolve_in_file(request, file, problems)
    selection, problems = select_by_target(request.target, request.environ, request.cwd or Path())
    # Using one and silently ignoring the other would be accepting a setting without applying it.
    problems += [
        Problem(f"{name} was given beside a backend or URL", hint="Give one of the two.", key=name)
        for name, value in (("profile", request.profile), ("config", request.config))
        if value is not None
    ]
    resolution = _resolve_selection(request, selection, problems, Config(), None)
    if not resolution.problems or request.profile is not None or request.config is not None:
        return resolution
    # Perhaps a profile was meant. The file is looked at only now, and what is wrong with it does not matter.
    file, _ = read(None, environ=request.environ, cwd=request.cwd)
    return evolve(resolution, problems=suggest_profile(request.target, file, resolution.problems))


def resolve_in_file(request: ResolveRequest, file: Config, problems: list[Problem]) -> Resolution:
    """Choose a profile of `file`, and resolve it; `problems` are those of reading the file."""
    reported = frozenset(problem.key for problem in problems)
    name, problem, error_class = choose_profile(file, request.profile, request.environ, reported)
    if name is None:
        problems += [problem] if problem else []
        return Resolution(path=file.path, problems=tuple(problems), error_class=error_class)
    kind = find_kind(file.profiles[name])
    if kind is None:
        return _resolve_backend(request, file, name, problems)
    # The keywords are for the route: what is of one backend has its place in the profile of a member.
    plain = evolve(request, keywords={})
    route = RouteResolver(request, file, lambda member: _resolve_backend(plain, file, member, []))
    resolution = route.resolve(name, kind)
    return evolve(
        resolution,
        problems=(*problems, *resolution.problems),
        resolved=None if problems else resolution.resolved,
    )


def _resolve_backend(request: ResolveRequest, file: Config, name: str, problems: list[Problem]) -> Resolution:
    """Resolve a profile that is not a route."""
    selection, more = select_by_profile(file, name, request.environ, request.names)
    return _resolve_selection(request, selection, problems + more, file, name)


def _resolve_selection(
    request: ResolveRequest, selection: Selection, problems: list[Problem], file: Config, profile: str | None
) -> Resolution:
    backend, problem = _find_backend(request.find, selection)
    problems += [problem] if problem else []
    settings = base_url = None
    warnings: tuple[str, ...] = ()
    if backend is not None:
        try:
            raw_values, more = merge_layers(
                selection, backend, keywords=request.keywords, environ=request.environ, cwd=request.cwd or Path()
            )
            base_url = find_other_base_url(backend, raw_values)
            settings, mistakes = build_settings(backend.settings, raw_values, location=selection.location)
            mistakes = more + mistakes
            if problem is not None:
                # The backend is a guess: what is there can be wrong for it, but nothing is missing.
                mistakes = [each for each in mistakes if each.key in raw_values]
            problems += mistakes
            warnings = find_exposed_secrets(backend.settings, selection, file, profile)
        except ConfigError as error:
            problems.append(problem_from_error(error, selection.location))
    resolved = None
    if backend is not None and not problems:
        resolved = ResolvedBackend(backend=backend, settings=settings, profile=profile, path=file.path)
    return Resolution(
        resolved=resolved,
        # Not that of the nearest name, which is only a guess.
        backend=backend.name if backend is not None and problem is None else None,
        profile=profile,
        path=file.path,
        base_url=base_url,
        problems=tuple(problems),
        warnings=warnings,
    )


def _find_backend(find: Find, selection: Selection) -> tuple[Backend[Any] | None, Problem | None]:
    if selection.backend is None:
        return None, None
    try:
        return find(selection.backend), None
    except ConfigError as error:
        problem = problem_from_error(error, selection.location)
    backend = None
    if problem.nearest:
        # The settings are checked as if that one were meant, so that their mistakes show in the same run.
        backend, _ = _find_backend(find, Selection(backend=problem.nearest))
    return backend, problem
