"""Profiles checked as `resolve` would, with what is wrong returned instead of raised. The file is read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from unichat.config import registry
from unichat.config.files import read
from unichat.config.registry import Find, Names
from unichat.config.request import PathText, ResolveRequest
from unichat.config.resolution import resolve_in_file, resolve_leniently
from unichat.config.results import Resolution


def check_profile(
    profile: str | None = None,
    *,
    config: PathText | None = None,
    settings: Mapping[str, Any] = {},
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> Resolution:
    """Check a profile, including its secrets. The arguments are those of `resolve`."""
    request = ResolveRequest(
        profile=profile, config=config, keywords=settings, environ=environ, cwd=cwd, find=find, names=names
    )
    return resolve_leniently(request)


def check_all_profiles(
    *,
    config: PathText | None = None,
    settings: Mapping[str, Any] = {},
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    find: Find = registry.find,
    names: Names = registry.names,
) -> tuple[Resolution, ...]:
    """Check every profile of the file; problems of the file itself come first, in a check of no profile."""
    request = ResolveRequest(config=config, keywords=settings, environ=environ, cwd=cwd, find=find, names=names)
    file, problems = read(config, environ=environ, cwd=cwd)
    if not file.profiles:
        return (resolve_in_file(request, file, problems),)
    checks = [resolve_in_file(evolve(request, profile=name), file, []) for name in file.profiles]
    if problems:
        checks.insert(0, Resolution(path=file.path, problems=tuple(problems)))
    return tuple(checks)
