"""Errors as Kapa's framework words them: `{"detail": …}`, or `{"field": ["…"]}`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from unichat.sandbox import json_response


class Refused(Exception):
    """A request is answered with an error: its status, its JSON body, its headers."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers

    def response(self) -> Response:
        """Return the answer."""
        return json_response(self.status, self.body, self.headers)


def not_found(detail: str = "Not found.") -> Refused:
    """Return the 404 for a path, a record or a page that does not exist, or that is not the key's to see."""
    return Refused(404, {"detail": detail})


def field_error(field: str, message: str) -> Refused:
    """Return the 400 that names one field."""
    return Refused(400, {field: [message]})
