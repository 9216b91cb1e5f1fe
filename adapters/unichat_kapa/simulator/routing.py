"""From path to handler, in the order of Kapa's framework: path, key, limit, project, method, body."""

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
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.projects import Project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import Records
from unichat_kapa.simulator.refusals import Refused, not_found

Handler = Callable[[Call], Response]
_MINUTE = 60.0


@frozen
class Endpoint:
    """A method and path of Kapa's reference, and what answers it."""

    method: str
    path: str
    handler: Handler


def router(
    endpoints: Iterable[Endpoint], simulator: Simulator, projects: Sequence[Project], quirks: Callable[[], KapaQuirks]
) -> ASGIApp:
    """Return the app for some endpoints. Paths end in a slash: without it they do not exist, and nothing redirects."""
    handlers: defaultdict[str, dict[str, Handler]] = defaultdict(dict)
    for endpoint in endpoints:
        handlers[endpoint.path][endpoint.method] = endpoint.handler
    gate = _Gate(simulator, projects, quirks)
    routes = [Route(path, _View(gate, of_path)) for path, of_path in handlers.items()]
    return Router(routes, redirect_slashes=False, default=not_found().response())


class _View:
    """One path with its methods, as an ASGI app."""

    def __init__(self, gate: _Gate, handlers: Mapping[str, Handler]) -> None:
        self._gate = gate
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            call = self._gate.call(request, await request.body())
            response = self._handler(request.method)(call)
        except Refused as refused:
            response = refused.response()
        await response(scope, receive, send)

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = {"allow": ", ".join(sorted(self._handlers))}
            raise Refused(405, {"detail": f'Method "{method}" not allowed.'}, allowed)
        return handler


class _Gate:
    """Who may pass: requests with a project's key, for that project, and not too many of them."""

    def __init__(self, simulator: Simulator, projects: Sequence[Project], quirks: Callable[[], KapaQuirks]) -> None:
        self._simulator = simulator
        self._projects = projects
        self._quirks = quirks
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def call(self, request: Request, body: bytes) -> Call:
        quirks = self._quirks()
        project = self._project(request.headers.get("x-api-key"))
        if quirks.requests_per_minute is not None:
            self._count(project, quirks.requests_per_minute)
        wanted = request.path_params.get("project_id", project.id).lower()
        if wanted != project.id:
            if quirks.foreign_project == "403" and wanted in {each.id for each in self._projects}:
                raise Refused(403, {"detail": "You do not have permission to perform this action."})
            raise not_found()
        return Call(self._simulator, quirks, project, Records(self._simulator.store, project.id), request, body)

    def _project(self, key: str | None) -> Project:
        challenge = {"www-authenticate": "Api-Key"}
        if key is None:
            raise Refused(401, {"detail": "Authentication credentials were not provided."}, challenge)
        for project in self._projects:
            if secrets.compare_digest(key.encode(), project.api_key.encode()):
                return project
        raise Refused(401, {"detail": "Invalid API key."}, challenge)

    def _count(self, project: Project, limit: int) -> None:
        now = self._simulator.clock()
        times = self._times[project.id]
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= limit:
            seconds = max(1, round(times[0] + _MINUTE - now)) if times else round(_MINUTE)
            detail = f"Request was throttled. Expected available in {seconds} seconds."
            raise Refused(429, {"detail": detail}, {"retry-after": str(seconds)})
        times.append(now)
