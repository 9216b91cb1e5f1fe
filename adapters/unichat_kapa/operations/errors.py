"""Detects Kapa's errors: by the status, and by messages in any of their forms."""

from __future__ import annotations

from collections.abc import Callable

from unichat.adapter import ErrorResponse, Reply


def _read_message(body: object) -> str:
    """Return the message of an error: `detail`, `message`, or the fields with their errors."""
    if not isinstance(body, dict):
        return ""
    for key in ("detail", "message"):
        if isinstance(body.get(key), str):
            return str(body[key])
    return "; ".join(
        f"{name}: {' '.join(map(str, errors)) if isinstance(errors, list) else errors}" for name, errors in body.items()
    )


def _read_code(body: object) -> str | None:
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None


def _read_invalid_field(body: object) -> str | None:
    """Return the first field that the error is about."""
    if not isinstance(body, dict) or isinstance(body.get("detail", body.get("message")), str):
        return None
    return next(iter(body), None)


def error_detector(what: str) -> Callable[[Reply], ErrorResponse | None]:
    """Return a function that detects Kapa's errors; `what` is what a 404 did not find."""

    def detect_error(reply: Reply) -> ErrorResponse | None:
        if 200 <= reply.status < 300:
            return None
        body = reply.envelope()
        message = _read_message(body) or reply.plain_text
        if reply.status == 403 and "rate limit" in message.lower():
            return ErrorResponse(status=403, means=429, message=message, code=_read_code(body))
        route = reply.status in (405, 410) or (reply.status == 404 and not reply.is_json)
        return ErrorResponse(
            status=reply.status,
            message=message,
            code=_read_code(body),
            argument=_read_invalid_field(body),
            what="route" if route else what,
            hint="This version of the endpoint may be wrong or retired: check base_url." if route else "",
        )

    return detect_error
