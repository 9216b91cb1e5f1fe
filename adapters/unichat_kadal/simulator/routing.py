"""Routing as in Kadal's framework (FastAPI): a slash at the end of a path matters, and a wrong one redirects."""

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
from unichat_kadal.simulator.context import NO_BODY, ApiError, Context, decode_body
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.records import Records
from unichat_kadal.simulator.tokens import Tokens

Handler = Callable[[Context], Response]


@frozen
class Endpoint:
    """A method and path of Kadal's reference, and its handler. `needs_token` may depend on the quirks."""

    method: str
    path: str
    handler: Handler
    needs_token: Callable[[KadalQuirks], bool] = lambda _: True


def make_app(
    endpoints: Iterable[Endpoint],
    simulator: Simulator,
    records: Records,
    tokens: Tokens,
    quirks: Callable[[], KadalQuirks],
) -> ASGIApp:
    """Return the app for the endpoints; if two match a path, the first one wins, as in the framework."""

    def make_handler(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                # The framework parses the body before it checks the token, and validates the fields after.
                body = decode_body(request, await request.body()) if endpoint.method == "POST" else NO_BODY
                in_force = quirks()
                if endpoint.needs_token(in_force):
                    tokens.authenticate(request, in_force)
                return endpoint.handler(Context(simulator, in_force, records, request, body))
            except ApiError as error:
                return error.response

        return answer

    routes = []
    for endpoint in endpoints:
        route = Route(endpoint.path, make_handler(endpoint), methods=[endpoint.method])
        # Starlette answers HEAD wherever it answers GET; FastAPI's routes do not.
        route.methods = {endpoint.method}
        routes.append(route)
    return Starlette(routes=routes, exception_handlers={HTTPException: _render_http_error})


async def _render_http_error(request: Request, exception: Any) -> Response:
    return json_response(exception.status_code, {"detail": exception.detail}, exception.headers)
