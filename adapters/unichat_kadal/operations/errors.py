"""Detects Kadal's errors: by the HTTP status, and by the status and messages in the body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from unichat.adapter import ErrorResponse, Reply, unexpected_value
from unichat.errors import InvalidInput, InvalidResponse
from unichat_kadal.models import read_body


def error_detector(
    what: str,
    *,
    allow_empty: bool = False,
    version_setting: str = "",
    is_list: bool = False,
    encoding_setting: str = "",
    fields: tuple[str, ...] = (),
) -> Callable[[Reply], ErrorResponse | None]:
    """Return a function that detects Kadal's errors.

    Args:
        what: what a 404 did not find.
        allow_empty: whether a 204 means success.
        version_setting: the setting that chooses another version of the endpoint.
        is_list: whether a 404 with a list in its body means that there are no rows.
        encoding_setting: the setting that chooses where `fields` go.
    """

    def detect_error(reply: Reply) -> ErrorResponse | None:
        body = _read_envelope(reply)
        is_success = 200 <= reply.status < 300
        envelope = _parse_status(body.get("status_code"), strict=is_success)
        status = envelope if is_success and envelope is not None else reply.status
        if 200 <= status < 300 and (status != 204 or allow_empty):
            return None
        if is_list and status == 404 and _has_rows(body):
            return None
        message, argument, code = _read_message(body)
        # The framework's own message for an unknown route; those for an unknown bot or record differ.
        is_framework_404 = not body or ("status_code" not in body and body.get("detail") == "Not Found")
        wrong_route = status in (405, 410) or (status == 404 and is_framework_404)
        return ErrorResponse(
            status=status,
            means=401 if status == 403 and _is_about_token(message) else None,
            message=message or reply.plain_text,
            code=code,
            argument=argument,
            what="route" if wrong_route else what,
            envelope_status=envelope,
            http_status=reply.status,
            hint=_choose_hint(
                wrong_route,
                version_setting,
                encoding_setting if argument in {f"query.{name}" for name in fields} else "",
            ),
        )

    return detect_error


def _read_envelope(reply: Reply) -> dict[str, Any]:
    value: Any = reply.envelope()
    if value is None:
        # Perhaps in a JSON string. A body that cannot be read is for the parser to report.
        with suppress(InvalidResponse):
            value = read_body(reply)
    return value if isinstance(value, dict) else {}


_OK_WORDS = ("", "ok", "success")
"""Texts that mean success instead of a status."""


def _parse_status(status: object, *, strict: bool) -> int | None:
    """Return an envelope's status, None if it has none: samples have integers, and digits as text.

    Raises:
        InvalidResponse: `strict`, and it is anything else: the body may be an error rather than an answer.
    """
    if status is None or status is True or (isinstance(status, str) and status.lower() in _OK_WORDS):
        return None
    match = re.fullmatch(r"\s*0*([0-9]{1,3})(?:\.0*)?\s*", str(status))
    if match is not None:
        return int(match[1])
    if isinstance(status, int) and not isinstance(status, bool):
        return status
    if strict:
        raise unexpected_value("/status_code", "a status", status)
    return None


def _has_rows(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    return isinstance(data, list) or (isinstance(data, dict) and isinstance(data.get("chat_hist"), list))


def _read_message(body: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return an error's message; for a validation error also the first field that it names, and its type."""
    detail = body.get("detail", body.get("message"))
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else "", None, None
    rows = [row for row in detail if isinstance(row, dict)]
    locations = [".".join(str(part) for part in row["loc"]) if isinstance(row.get("loc"), list) else "" for row in rows]
    message = "; ".join(f"{location}: {row.get('msg', '')}" for location, row in zip(locations, rows, strict=True))
    code = rows[0].get("type") if rows else None
    return message, locations[0] if locations else None, code if isinstance(code, str) else None


def _is_about_token(message: str) -> bool:
    return any(word in message.lower() for word in ("authenticat", "credential", "token", "expired"))


def _choose_hint(wrong_route: bool, version_setting: str, encoding_setting: str) -> str:
    if wrong_route:
        other = f" or choose another version with {version_setting}" if version_setting else ""
        return f"This version of the endpoint may be wrong or retired: check base_url{other}."
    if encoding_setting:
        return f"This server expects it in the query: set {encoding_setting} to 'query' or 'auto'."
    return ""


def is_missing_in_query(error: InvalidInput, names: tuple[str, ...]) -> bool:
    """Whether a 422 says that a field is missing in the query. Nothing was stored, so the call may be sent again."""
    return error.status == 422 and error.argument in {f"query.{name}" for name in names}
