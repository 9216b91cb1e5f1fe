"""From path to handler, as Kadal's framework (FastAPI) does it: slashes count, and a wrong one redirects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import frozen
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from unichat.sandbox import Simulator, json_response
from unichat_kadal.simulator.calls import NO_BODY, Call, Refused, decoded
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.records import Records
from unichat_kadal.simulator.tokens import Tokens

Handler = Callable[[Call], Response]


@frozen
class Endpoint:
    """A method and path of Kadal's reference, and what answers it. `needs_token` decides by the quirks."""

    method: str
    path: str
    handler: Handler
    needs_token: Callable[[KadalQuirks], bool] = lambda _: True


def app(
    endpoints: Iterable[Endpoint],
    simulator: Simulator,
    records: Records,
    tokens: Tokens,
    quirks: Callable[[], KadalQuirks],
) -> ASGIApp:
    """Return the app for some endpoints; where two match a path, the first does, as in the framework."""

    def function(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                # The framework parses the body before it looks at the token, and checks its fields after.
                body = decoded(request, await request.body()) if endpoint.method == "POST" else NO_BODY
                in_force = quirks()
                if endpoint.needs_token(in_force):
                    tokens.authenticate(request, in_force)
                return endpoint.handler(Call(simulator, in_force, records, request, body))
            except Refused as refused:
                return refused.response

        return answer

    routes = []
    for endpoint in endpoints:
        route = Route(endpoint.path, function(endpoint), methods=[endpoint.method])
        # Starlette answers HEAD wherever it answers GET; FastAPI's routes do not.
        route.methods = {endpoint.method}
        routes.append(route)
    return Starlette(routes=routes, exception_handlers={HTTPException: _detail})


async def _detail(request: Request, exception: Any) -> Response:
    return json_response(exception.status_code, {"detail": exception.detail}, exception.headers)
