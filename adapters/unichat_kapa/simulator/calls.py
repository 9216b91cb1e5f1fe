"""One request to the simulated Kapa: what its handler gets, and the checks that all of them share."""

from __future__ import annotations

from sqlite3 import Row
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import InvalidJson, Simulator, json_response, read_json
from unichat_kapa.simulator.projects import Project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import Records
from unichat_kapa.simulator.refusals import Refused, field_error, not_found
from unichat_kapa.simulator.validation import Form, Invalid, cleaned, uuid


@frozen
class Call:
    """A request with a valid key: `project` is the key's, and `records` sees nothing beyond it."""

    simulator: Simulator
    quirks: KapaQuirks
    project: Project
    records: Records
    request: Request
    body: bytes

    def form(self, form: Form) -> dict[str, Any]:
        """Return the fields of the JSON body, checked.

        Raises:
            Refused: 415 if the body is said to be something else, 400 if it is no JSON or a field is not accepted.
        """
        declared = self.request.headers.get("content-type", "application/json")
        if declared.partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, {"detail": f'Unsupported media type "{declared}" in request.'})
        try:
            return cleaned(form, read_json(self.body or b"{}"))
        except InvalidJson as error:
            raise Refused(400, {"detail": f"JSON parse error - {error.problem}"}) from None
        except Invalid as invalid:
            raise Refused(400, invalid.errors) from None

    def thread(self) -> Row:
        """Return the thread that the path names.

        Raises:
            Refused: 404 if it is no UUID, or no thread of this project.
        """
        try:
            thread_id = uuid(self.request.path_params["thread_id"])
        except Invalid:
            raise not_found() from None
        thread = self.records.thread(thread_id)
        if thread is None:
            raise not_found()
        return thread

    def integration_id(self, given: str | None) -> str | None:
        """Return the id of the project's integration that was given, or None.

        Raises:
            Refused: 400 if there is none of that id and the quirk `unknown_integration` says so.
        """
        if self.project.integration(given) is not None:
            return given
        if given is not None and self.quirks.unknown_integration == "400":
            raise field_error("integration_id", f'Invalid pk "{given}" - object does not exist.')
        return None

    def ok(self, body: object, status: int = 200) -> Response:
        """Return a JSON answer."""
        return json_response(status, body)
