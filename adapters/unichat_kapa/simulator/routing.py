"""Routing, with checks in the order of Kapa's framework: path, key, rate limit, project, method, body."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from unichat.sandbox import Simulator
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.errors import ApiError, not_found_error
from unichat_kapa.simulator.projects import Project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import Records

Handler = Callable[[Context], Response]
_MINUTE = 60.0


@frozen
class Endpoint:
    """A method and path of Kapa's reference, and its handler."""

    method: str
    path: str
    handler: Handler


def make_router(
    endpoints: Iterable[Endpoint], simulator: Simulator, projects: Sequence[Project], quirks: Callable[[], KapaQuirks]
) -> ASGIApp:
    """Return the app for the endpoints. A path without its slash at the end does not exist, and nothing redirects."""
    handlers: defaultdict[str, dict[str, Handler]] = defaultdict(dict)
    for endpoint in endpoints:
        handlers[endpoint.path][endpoint.method] = endpoint.handler
    access = _AccessControl(simulator, projects, quirks)
    routes = [Route(path, _View(access, methods)) for path, methods in handlers.items()]
    return Router(routes, redirect_slashes=False, default=not_found_error().response())


class _View:
    """One path with its methods, as an ASGI app."""

    def __init__(self, access: _AccessControl, handlers: Mapping[str, Handler]) -> None:
        self._access = access
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            context = self._access.admit(request, await request.body())
            response = self._handler(request.method)(context)
        except ApiError as error:
            response = error.response()
        await response(scope, receive, send)

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = {"allow": ", ".join(sorted(self._handlers))}
            raise ApiError(405, {"detail": f'Method "{method}" not allowed.'}, allowed)
        return handler


class _AccessControl:
    """Admits requests with a project's key, for that project, within the rate limit."""

    def __init__(self, simulator: Simulator, projects: Sequence[Project], quirks: Callable[[], KapaQuirks]) -> None:
        self._simulator = simulator
        self._projects = projects
        self._quirks = quirks
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, request: Request, body: bytes) -> Context:
        quirks = self._quirks()
        project = self._project(request.headers.get("x-api-key"))
        if quirks.requests_per_minute is not None:
            self._throttle(project, quirks.requests_per_minute)
        wanted = request.path_params.get("project_id", project.id).lower()
        if wanted != project.id:
            if quirks.foreign_project == "403" and wanted in {each.id for each in self._projects}:
                raise ApiError(403, {"detail": "You do not have permission to perform this action."})
            raise not_found_error()
        return Context(self._simulator, quirks, project, Records(self._simulator.store, project.id), request, body)

    def _project(self, key: str | None) -> Project:
        challenge = {"www-authenticate": "Api-Key"}
        if key is None:
            raise ApiError(401, {"detail": "Authentication credentials were not provided."}, challenge)
        for project in self._projects:
            if secrets.compare_digest(key.encode(), project.api_key.encode()):
                return project
        raise ApiError(401, {"detail": "Invalid API key."}, challenge)

    def _throttle(self, project: Project, limit: int) -> None:
        now = self._simulator.clock()
        times = self._times[project.id]
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= limit:
            seconds = max(1, round(times[0] + _MINUTE - now)) if times else round(_MINUTE)
            detail = f"Request was throttled. Expected available in {seconds} seconds."
            raise ApiError(429, {"detail": detail}, {"retry-after": str(seconds)})
        times.append(now)
