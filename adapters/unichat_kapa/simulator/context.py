"""The context of a handler: one request to the simulated Kapa, and the checks that handlers share."""

from __future__ import annotations

from sqlite3 import Row
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import InvalidJson, Simulator, json_response, parse_content_type, read_json
from unichat_kapa.simulator.errors import ApiError, field_error, not_found_error
from unichat_kapa.simulator.projects import Project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import Records
from unichat_kapa.simulator.validation import Schema, ValidationError, uuid, validate


@frozen
class Context:
    """A request with a valid key: `project` is the key's, and `records` sees nothing beyond it."""

    simulator: Simulator
    quirks: KapaQuirks
    project: Project
    records: Records
    request: Request
    body: bytes

    def read_body(self, schema: Schema) -> dict[str, Any]:
        """Return the validated fields of the JSON body.

        Raises:
            ApiError: 415 if the body is labelled otherwise, 400 if it is not JSON or a field is not valid.
        """
        declared = self.request.headers.get("content-type", "")
        kind, encoding = parse_content_type(declared)
        if self.body and kind != "application/json":
            raise ApiError(415, {"detail": f'Unsupported media type "{declared}" in request.'})
        try:
            return validate(schema, read_json(self.body or b"{}", encoding))
        except InvalidJson as error:
            raise ApiError(400, {"detail": f"JSON parse error - {error.problem}"}) from None
        except ValidationError as invalid:
            raise ApiError(400, invalid.errors) from None

    def require_thread(self) -> Row:
        """Return the thread that the path names.

        Raises:
            ApiError: 404 if it is not a UUID, or not a thread of this project.
        """
        try:
            thread_id = uuid(self.request.path_params["thread_id"])
        except ValidationError:
            raise not_found_error() from None
        thread = self.records.find_thread(thread_id)
        if thread is None:
            raise not_found_error()
        return thread

    def check_integration_id(self, given: str | None) -> str | None:
        """Return `given` if it is the id of an integration of the project, otherwise None.

        Raises:
            ApiError: 400 if it is not, and the quirk `unknown_integration` says so.
        """
        if self.project.integration(given) is not None:
            return given
        if given is not None and self.quirks.unknown_integration == "400":
            raise field_error("integration_id", f'Invalid pk "{given}" - object does not exist.')
        return None

    def ok(self, body: object, status: int = 200) -> Response:
        """Return a JSON answer."""
        return json_response(status, body)
