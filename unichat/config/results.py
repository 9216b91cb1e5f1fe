"""What comes of reading a profile: what a client is made of, or what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat.adapter import Backend
from unichat.config.problems import Problem
from unichat.errors import ConfigError
from unichat.routing.settings import RouteSettings


@frozen(kw_only=True)
class ResolvedBackend:
    """What `connect` needs to make a client of one backend.

    Attributes:
        backend: the backend.
        settings: an instance of its settings class, with every secret fetched.
        profile: the profile that was used, None without one.
        path: the config file that has it.
    """

    backend: Backend[Any]
    settings: Any
    profile: str | None
    path: Path | None


@frozen(kw_only=True)
class ResolvedRoute:
    """What `connect` needs to make a client of several members.

    Attributes:
        kind: `fallback`, `split` or `shadow`.
        members: what each member resolves to, by its profile's name, in the order of the profile; the first of a
            shadow is its primary.
        weights: those of a split's members; empty for the other kinds.
        settings: an instance of the route's settings class.
        profile: the profile of the route.
        path: the config file that has it.
    """

    kind: str
    members: Mapping[str, ResolvedConfig]
    weights: Mapping[str, float]
    settings: RouteSettings
    profile: str
    path: Path | None


ResolvedConfig = ResolvedBackend | ResolvedRoute


@frozen(kw_only=True)
class Resolution:
    """What was found in a profile, or by a backend's name or a URL.

    Attributes:
        profile: the profile; None without one, if it is not clear which, or if the problems are the file's.
        path: its file; None if there is none.
        backend: the name of its backend, where that is known; None for a route.
        base_url: the URL that requests go to, without a query; None if it is the vendor's own, or not valid.
        route: for a route, its kind.
        members: for a route, what was found in each member that exists, in the order of the profile.
        problems: what keeps it from working; a member's are with the member.
        warnings: what does not keep it from working, but should be fixed.
        resolved: what `resolve` returns, secrets included; None if there are problems, here or in a member.
        error_class: the class of the error that the problems amount to.
    """

    profile: str | None = None
    path: Path | None = None
    backend: str | None = None
    base_url: str | None = None
    route: str | None = None
    members: tuple[Resolution, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    resolved: ResolvedConfig | None = field(default=None, repr=False)
    error_class: type[ConfigError] = ConfigError

    def walk(self) -> Iterator[Resolution]:
        """Yield this one and all that are below it, each profile once."""
        waiting, seen = [self], set()
        while waiting:
            each = waiting.pop(0)
            if each.profile is None or each.profile not in seen:
                seen.add(each.profile)
                waiting[:0] = each.members
                yield each
