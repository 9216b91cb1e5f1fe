"""One request to the simulated Kadal: its parameters, its JSON body, and the answers that all handlers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import InvalidJson, Simulator, json_response, read_json
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.records import Person, Records
from unichat_kadal.simulator.validation import Errors, Field, Fields, checked, error, string, uuid

NO_BODY: Any = object()
"""A request without a body; null is another thing."""


class Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def refused(status: int, detail: object, headers: Mapping[str, str] | None = None) -> Refused:
    """Return the framework's own error, `{"detail": …}`."""
    return Refused(json_response(status, {"detail": detail}, headers))


@frozen
class Call:
    """A request. `body` is decoded JSON, the bytes of a body that is not said to be JSON, or `NO_BODY`."""

    simulator: Simulator
    quirks: KadalQuirks
    records: Records
    request: Request
    body: Any
    _errors: Errors = field(factory=list)

    def query(self, fields: Fields) -> dict[str, Any]:
        """Return parameters of the query; what is wrong with them is told by `check`."""
        return self._checked(checked("query", dict(self.request.query_params), fields))

    def fields(self, fields: Fields, *, required: bool = True) -> dict[str, Any]:
        """Return fields of the JSON body; what is wrong with them is told by `check`."""
        if self.body is NO_BODY or self.body is None:
            if required:
                self._errors.append(error(["body"], "missing", "Field required", None))
            return dict.fromkeys(fields)
        if not isinstance(self.body, dict):
            given = self.body.decode("utf-8", "replace") if isinstance(self.body, bytes) else self.body
            expected = "Input should be a valid dictionary or object to extract fields from"
            self._errors.append(error(["body"], "model_attributes_type", expected, given))
            return dict.fromkeys(fields)
        return self._checked(checked("body", self.body, fields))

    def _checked(self, outcome: tuple[dict[str, Any], Errors]) -> dict[str, Any]:
        values, errors = outcome
        self._errors.extend(errors)
        return values

    def person_field(self) -> Fields:
        """Return the parameter that names the end user."""
        return {"ext_user_id_ref": Field(uuid if self.quirks.refs_must_be_uuids else string)}

    def check(self) -> None:
        """Go on only if all parameters so far were right.

        Raises:
            Refused: 422 that lists every error, those of the query first.
        """
        if self._errors:
            raise refused(422, sorted(self._errors, key=lambda each: each["loc"][0] != "query"))

    def bot(self, bot_id: str | None = None) -> str:
        """Return the id of the bot that the path (or `bot_id`) names.

        Raises:
            Refused: 404, in the envelope, if there is none.
        """
        wanted = self.request.path_params["chat_bot_id"] if bot_id is None else bot_id
        if not self.records.has_bot(wanted):
            raise self.failure(404, "Chat bot not found")
        return str(wanted)

    def person(self, ref: str | None) -> Person:
        """Return the end user of that reference, made if new; the token's owner where there is none."""
        return self.records.person(ref or "")

    def status_code(self, code: int) -> int | str:
        """Return a status as envelopes hold it."""
        return str(code) if self.quirks.status_code_type == "str" else code

    def id(self, number: int) -> int | str:
        """Return an id as bodies hold it."""
        return str(number) if self.quirks.id_type == "str" else number

    def failure(self, code: int, message: str) -> Refused:
        """Return an error in Kadal's envelope."""
        body = {"status_code": self.status_code(code), "message": message}
        return Refused(json_response(200 if self.quirks.errors_in_body else code, body))

    def ok(self, body: Mapping[str, Any]) -> Response:
        """Return an envelope with `status_code` 200 before the rest."""
        return json_response(200, {"status_code": self.status_code(200), **body})


def decoded(request: Request, body: bytes) -> Any:
    """Return the body as the framework reads it: JSON unless it is said to be something else.

    Raises:
        Refused: 422 `json_invalid`.
    """
    if not body:
        return NO_BODY
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        return body
    try:
        return read_json(body)
    except InvalidJson as bad:
        context = {"error": bad.problem.partition(": line")[0]}
        raise refused(422, [error(["body", bad.position], "json_invalid", "JSON decode error", {}, context)]) from None
