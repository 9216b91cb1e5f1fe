"""The context of a handler: one request to the simulated Kadal, its checked parameters, and responses to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import InvalidJson, Simulator, json_response, read_json
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.records import Person, Records
from unichat_kadal.simulator.validation import MISSING, Errors, Field, Fields, error_item, string, uuid, validate

NO_BODY: Any = object()
"""The body of a request without one; null is a body."""


class ApiError(Exception):
    """Raised to answer a request with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def detail_error(status: int, detail: object, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return an error in the framework's own form, `{"detail": …}`."""
    return ApiError(json_response(status, {"detail": detail}, headers))


@frozen
class Context:
    """A request. `body` is decoded JSON, the bytes of a body that is not labelled as JSON, or `NO_BODY`."""

    simulator: Simulator
    quirks: KadalQuirks
    records: Records
    request: Request
    body: Any
    _errors: Errors = field(factory=list)

    def read_query(self, fields: Fields) -> dict[str, Any]:
        """Return the query's parameters; `raise_errors` reports invalid ones."""
        return self._collect(validate("query", dict(self.request.query_params), fields))

    def read_body(self, fields: Fields, *, required: bool = True) -> dict[str, Any]:
        """Return the JSON body's fields; `raise_errors` reports invalid ones."""
        if self.body is NO_BODY or self.body is None:
            if required:
                self._errors.append(error_item(["body"], *MISSING))
            return dict.fromkeys(fields)
        try:
            # An empty list is an object without fields, too.
            given = dict(self.body)
        except (TypeError, ValueError):
            self._errors.append(error_item(["body"], "type_error.dict", "value is not a valid dict"))
            return dict.fromkeys(fields)
        return self._collect(validate("body", given, fields))

    def _collect(self, outcome: tuple[dict[str, Any], Errors]) -> dict[str, Any]:
        values, errors = outcome
        self._errors.extend(errors)
        return values

    def reference_field(self) -> Fields:
        """Return the parameter that names the end user."""
        return {"ext_user_id_ref": Field(uuid if self.quirks.refs_must_be_uuids else string)}

    def raise_errors(self) -> None:
        """Raise an error for all invalid parameters so far, if there are any.

        Raises:
            ApiError: 422 that lists every error, those of the query first.
        """
        if self._errors:
            raise detail_error(422, sorted(self._errors, key=lambda each: each["loc"][0] != "query"))

    def require_bot(self, bot_id: str | None = None) -> str:
        """Return the id of the bot that the path (or `bot_id`) names.

        Raises:
            ApiError: 404, in the envelope, if there is none.
        """
        wanted = self.request.path_params["chat_bot_id"] if bot_id is None else bot_id
        if not self.records.has_bot(wanted):
            raise self.envelope_error(404, "Chat bot not found")
        return str(wanted)

    def find_person(self, ref: str | None) -> Person:
        """Return the end user of that reference, created if new; the token's owner if there is no reference."""
        return self.records.find_or_create_person(ref or "")

    def format_status(self, code: int) -> int | str:
        """Return a status as it is written in envelopes."""
        return str(code) if self.quirks.status_code_type == "str" else code

    def format_id(self, number: int, offset: int = 0) -> int | str:
        """Return the id of the row of that number as it is written in bodies, counted from `offset`."""
        if self.quirks.id_type == "object_id":
            return self.records.find_object_id(number)
        return str(number + offset) if self.quirks.id_type == "str" else number + offset

    def envelope_error(self, code: int, message: str) -> ApiError:
        """Return an error in Kadal's envelope."""
        body = {"status_code": self.format_status(code), "message": message}
        return ApiError(json_response(200 if self.quirks.errors_in_body else code, body))

    def ok(self, body: Mapping[str, Any]) -> Response:
        """Return an envelope with `status_code` 200 before the rest."""
        return json_response(200, {"status_code": self.format_status(200), **body})


def decode_body(request: Request, body: bytes) -> Any:
    """Return the body as the framework reads it: JSON unless it is labelled otherwise.

    Raises:
        ApiError: 422 `value_error.jsondecode`, or 400 if it is not even text.
    """
    if not body:
        return NO_BODY
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/json"
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        return body
    try:
        return read_json(body, encoding=json.detect_encoding(body))
    except InvalidJson as bad:
        if bad.error is None:
            raise detail_error(400, "There was an error parsing the body") from None
        error = bad.error
        context = {"msg": error.msg, "doc": error.doc, "pos": error.pos, "lineno": error.lineno, "colno": error.colno}
        item = error_item(["body", error.pos], "value_error.jsondecode", str(error), context)
        raise detail_error(422, [item]) from None
