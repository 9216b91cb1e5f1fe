"""Errors in the form of Kapa's framework: `{"detail": …}`, or `{"field": ["…"]}`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from unichat.sandbox import json_response


class ApiError(Exception):
    """Raised to answer a request with an error: its status, its JSON body, its headers."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers

    def response(self) -> Response:
        """Return the response."""
        return json_response(self.status, self.body, self.headers)


def not_found_error(detail: str = "Not found.") -> ApiError:
    """Return the 404 for a path, a record or a page that does not exist, or that the key may not see."""
    return ApiError(404, {"detail": detail})


def field_error(field: str, message: str) -> ApiError:
    """Return the 400 that names one field."""
    return ApiError(400, {field: [message]})
