"""Profiles checked as `resolve` would, with what is wrong returned instead of raised. The file is read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from unichat.config import registry
from unichat.config.files import read
from unichat.config.problems import Problem
from unichat.config.registry import Find, Names
from unichat.config.resolution import (
    PathText,
    Resolution,
    ResolvedConfig,
    ResolveRequest,
    resolve_in_file,
    resolve_leniently,
)


@frozen(kw_only=True)
class ProfileCheck:
    """What was found in a profile.

    Attributes:
        profile: the profile that was checked; None if it is not clear which, or if the problems are the file's.
        path: its file; None if there is none.
        backend: the name of its backend, where that is known.
        base_url: the URL that requests go to, without a query; None if it is the vendor's own, or not valid.
        problems: what keeps it from working.
        warnings: what does not keep it from working, but should be fixed.
        resolved: what `resolve` would return, secrets included; None if there are problems.
    """

    profile: str | None
    path: Path | None
    backend: str | None
    base_url: str | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    resolved: ResolvedConfig | None = field(default=None, repr=False)


def check_profile(
    profile: str | None = None,
    *,
    config: PathText | None = None,
    settings: Mapping[str, Any] = {},
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> ProfileCheck:
    """Check a profile, including its secrets. The arguments are those of `resolve`."""
    request = ResolveRequest(
        profile=profile, config=config, keywords=settings, environ=environ, cwd=cwd, find=find, names=names
    )
    return _check(resolve_leniently(request))


def check_all_profiles(
    *,
    config: PathText | None = None,
    settings: Mapping[str, Any] = {},
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> tuple[ProfileCheck, ...]:
    """Check every profile of the file; problems of the file itself come first, in a check of no profile."""
    request = ResolveRequest(config=config, keywords=settings, environ=environ, cwd=cwd, find=find, names=names)
    file, problems = read(config, environ=environ, cwd=cwd)
    if not file.profiles:
        return (_check(resolve_in_file(request, file, problems)),)
    checks = [_check(resolve_in_file(evolve(request, profile=name), file, [])) for name in file.profiles]
    if problems:
        checks.insert(
            0,
            ProfileCheck(
                profile=None, path=file.path, backend=None, base_url=None, problems=tuple(problems), warnings=()
            ),
        )
    return tuple(checks)


def _check(resolution: Resolution) -> ProfileCheck:
    return ProfileCheck(
        profile=resolution.profile,
        path=resolution.path,
        backend=resolution.name,
        base_url=resolution.base_url,
        problems=resolution.problems,
        warnings=resolution.warnings,
        resolved=resolution.result,
    )
