"""Profiles that are routes: made of other profiles, which may be routes themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, fields_dict, frozen

from unichat._text.printable import format_value
from unichat.config.members import read_members
from unichat.config.problems import Problem, unknown_name
from unichat.config.raw_values import KEYWORD, RawValue, Source
from unichat.config.registry import Find
from unichat.config.request import ResolveRequest
from unichat.config.results import Resolution, ResolvedConfig, ResolvedRoute
from unichat.config.structure import Config
from unichat.config.validation import build_settings, setting_attributes
from unichat.routing.settings import ROUTE_KEYS, ROUTES

_DEPTH = 16
"""How deep routes may be nested: deeper than anybody means to, and far from the limit of recursion."""


def find_kind(profile: Mapping[str, Any]) -> str | None:
    """Return which kind of route a profile is; None if it is none."""
    return next((kind for kind in ROUTES if kind in profile), None)


@frozen
class RouteResolver:
    """Resolves a route and, below it, each profile once.

    Attributes:
        request: the keywords are the route's own, not its members'.
        file: the config file.
        resolve_backend: resolves a profile that is not a route.
        found: what was found in the members so far, by profile: of one that is in several places, once.
    """

    request: ResolveRequest
    file: Config
    resolve_backend: Callable[[str], Resolution]
    found: dict[str, Resolution] = field(factory=dict, init=False)

    def resolve(self, name: str, kind: str, above: tuple[str, ...] = ()) -> Resolution:
        """Resolve the route of the profile `name`.

        Args:
            name: the profile.
            kind: which kind of route it is.
            above: the routes that this one is a member of, the outermost first.
        """
        profile = self.file.profiles[name]
        location = f"{self.file.path}, profile {format_value(name)}"
        members, problems = read_members(kind, profile[kind], location)
        problems += _check_single_kind(profile, location)
        found: list[Resolution] = []
        for member in members.names:
            problem = self._check_member(member, (*above, name), f"{location}, {kind}")
            if problem is None:
                found.append(self._resolve_member(member, (*above, name)))
            else:
                problems.append(problem)
        if kind != "split":
            # A split asks one member; any other route could ask the same one twice.
            problems += _find_shared_members(kind, found, location)
        route = Resolution(profile=name, path=self.file.path, route=kind, members=tuple(found))
        settings, more = self._build_settings(route, location, is_outermost=not above)
        problems += more
        resolved: ResolvedConfig | None = None
        results = {str(each.profile): each.resolved for each in found if each.resolved is not None}
        if not problems and len(results) == len(members.names):
            resolved = ResolvedRoute(
                kind=kind,
                members=results,
                weights=members.weights,
                settings=settings,
                profile=name,
                path=self.file.path,
            )
        return evolve(route, problems=tuple(problems), resolved=resolved)

    def _check_member(self, name: str, above: tuple[str, ...], location: str) -> Problem | None:
        if name not in self.file.profiles:
            others = [each for each in self.file.profiles if each != above[-1]]
            return unknown_name("profile", name, others, location=location)
        if name in above:
            circle = [*above[above.index(name) :], name]
            text, hint = f"{format_value(name)} is a member of itself", "Remove it."
            if len(circle) > 2:
                text += f", in a circle: {' -> '.join(map(format_value, circle))}"
                hint = "Remove it from one of them."
            return Problem(text, location=location, key=name, hint=hint)
        if len(above) >= _DEPTH:
            return Problem(f"routes are nested more than {_DEPTH} deep", location=location, key=name)
        return None

    def _resolve_member(self, name: str, above: tuple[str, ...]) -> Resolution:
        if name not in self.found:
            kind = find_kind(self.file.profiles[name])
            self.found[name] = self.resolve_backend(name) if kind is None else self.resolve(name, kind, above)
        return self.found[name]

    def _build_settings(self, route: Resolution, location: str, *, is_outermost: bool) -> tuple[Any, list[Problem]]:
        kind, profile = str(route.route), self.file.profiles[str(route.profile)]
        folder = self.file.path.absolute().parent if self.file.path else Path()
        source = Source(location=location, form="file", folder=folder, environ=self.request.environ)
        given = {key: RawValue(value, source) for key, value in profile.items() if key not in ROUTES}
        if is_outermost:
            given.update(self._read_keywords())
        known = fields_dict(ROUTES[kind])
        backends = _find_settings(route, self.request.find)
        misplaced = {
            key: raw_value
            for key, raw_value in given.items()
            # A caller may pass None on as its own default.
            if key not in known and not (raw_value.value is None and key in backends)
        }
        raw_values = {key: raw_value for key, raw_value in given.items() if key in known}
        settings, problems = build_settings(ROUTES[kind], raw_values, location=location)
        problems += [
            _misplaced_key(key, kind, raw_value.source.location, backends.get(key, ()))
            for key, raw_value in misplaced.items()
        ]
        return settings, problems

    def _read_keywords(self) -> dict[str, RawValue]:
        cwd = self.request.cwd or Path()
        source = Source(location=KEYWORD, form="keyword", folder=cwd, environ=self.request.environ)
        return {
            key: RawValue(value, source)
            for key, value in self.request.keywords.items()
            if value is not None or key not in ROUTE_KEYS
        }


def _check_single_kind(profile: Mapping[str, Any], location: str) -> Iterable[Problem]:
    kinds = [kind for kind in ROUTES if kind in profile]
    if len(kinds) > 1:
        text = f"{' and '.join(kinds)} are in one profile, but a route is of one kind"
        hint = "Write a profile for each: one can be a member of the other."
        yield Problem(text, location=location, key=kinds[1], hint=hint)


def _find_shared_members(kind: str, members: Iterable[Resolution], location: str) -> Iterable[Problem]:
    """Yield a problem for each plain profile that is in two members."""
    through: dict[str, str] = {}
    for member in members:
        for each in member.walk():
            leaf, name = str(each.profile), str(member.profile)
            if each.route is None and through.setdefault(leaf, name) != name:
                places = [
                    "directly" if leaf == place else f"in {format_value(place)}" for place in (through[leaf], name)
                ]
                text = f"{kind} has {format_value(leaf)} twice: {' and '.join(places)}"
                hint = "One question could be asked of it twice: leave it out of one of them."
                yield Problem(text, location=location, key=kind, hint=hint)


def _find_settings(route: Resolution, find: Find) -> dict[str, tuple[str, ...]]:
    """Return the settings that the members' backends have, each with the profiles that it can be set in."""
    found: dict[str, tuple[str, ...]] = {}
    for each in route.walk():
        if each.backend is not None:
            for name in (item.name for item in setting_attributes(find(each.backend).settings)):
                found[name] = (*found.get(name, ()), str(each.profile))
    return found


def _misplaced_key(key: str, kind: str, location: str, members: tuple[str, ...]) -> Problem:
    """Return the problem of a key that this kind of route does not have.

    Args:
        key: the key.
        kind: the kind of the route.
        location: where the key is.
        members: the profiles below the route that can have it.
    """
    if key in ("backend", "url"):
        text = f"{key} stands beside {kind}, but a profile has either a backend or members"
        return Problem(text, location=location, key=key, hint="Remove one of the two.")
    if key in ROUTES:
        text = f"{key} cannot be given this way"
        return Problem(text, location=location, key=key, hint="The members of a route are named in its profile.")
    if key in ROUTE_KEYS:
        text = f"{key} is a key of {' and '.join(ROUTE_KEYS[key])}, and this route is a {kind}"
        return Problem(text, location=location, key=key, hint="Remove it.")
    if members:
        text = f"{key} belongs to one backend, and this profile is a route"
        hint = f"Set it in the profile {' or '.join(map(format_value, members))}."
        return Problem(text, location=location, key=key, hint=hint)
    return unknown_name("setting", key, fields_dict(ROUTES[kind]), location=location)
