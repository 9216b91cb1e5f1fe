"""Rows 40 to 46: refusals, throttling, servers that fail, and statuses within a 200."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

from tests.faults.bench import Bench
from tests.faults.injection import Injection, good, is_kadal, reply, send
from tests.faults.outcome import Expected, answer, answers, every, exhausts, never, raises
from tests.faults.rows_bodies import change_fields, good_body
from tests.faults.server import Fault, HttpMessage
from tests.faults.vendors import as_json, http
from unichat.adapter import Replay
from unichat.errors import (
    AuthenticationError,
    InsufficientTokens,
    InvalidInput,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    ServerError,
    UnichatError,
)

# Refusals

_BODIES = {
    "JSON": ("application/json", b'{"detail": "no", "message": "no"}'),
    "HTML": ("text/html", b"<html><h1>No</h1></html>"),
    "an empty body": ("", b""),
}
_REFUSALS: dict[int, type[UnichatError]] = {
    400: InvalidInput,
    401: AuthenticationError,
    402: RequestRejected,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
    409: RequestRejected,
    410: NotFound,
    413: InvalidInput,
    414: InvalidInput,
    418: RequestRejected,
    422: InvalidInput,
    431: InvalidInput,
}
_PASSING: dict[int, type[UnichatError]] = {408: ServerError, 425: ServerError, 429: RateLimited}


def _refusal(status: int, form: str) -> Fault:
    label, content = _BODIES[form]
    return send(http(status, content, content_type=label), keep=True)


_REFUSED = tuple(
    Injection(row=40, name=f"{status} with {form}", script=(_refusal(status, form),), expected=never(error))
    for status, error in _REFUSALS.items()
    for form in _BODIES
) + tuple(
    Injection(row=40, name=f"{status} with {form}", script=(_refusal(status, form),), expected=exhausts(error))
    for status, error in _PASSING.items()
    for form in _BODIES
)


def with_a_provider(bench: Bench) -> None:
    """The token comes from a function, which may give a better one when asked again."""
    bench.settings["token"] = lambda: next(tokens)
    tokens = iter([f"sentinel0f1e2d3c4b5a-{n}" for n in range(9)])


_UNAUTHORIZED = _refusal(401, "JSON")
_TOKENS = (
    Injection(
        row=41,
        name="401, then success, with a token provider",
        script=(_UNAUTHORIZED, good),
        arrange=with_a_provider,
        where=is_kadal,
        expected=answers(2),
    ),
    Injection(
        row=41,
        name="401 twice, with a token provider",
        script=(_UNAUTHORIZED,),
        arrange=with_a_provider,
        where=is_kadal,
        expected=every(raises(AuthenticationError, attempts=2)),
    ),
)

# Throttling


def throttle(value: str, **headers: str) -> Fault:
    """A 429 that says when to come back."""
    return send(as_json({"detail": "slow down"}, 429, retry_after=value, **headers), keep=True)


def _waits(least: float, most: float) -> Any:
    return lambda slept: len(slept) == 1 and least <= slept[0] <= most


_OWN = _waits(0, 1)
_NOON = 1_793_880_000.0
"""Some noon, by the vendor's clock."""
_AT_NOON = {"date": formatdate(_NOON, usegmt=True)}
_TOO_LONG = every(raises(RateLimited, stopped_by="retry_after"))


def _throttle_row(name: str, fault: Fault, waits: Any = None, expected: Expected | None = None) -> Injection:
    return Injection(row=42, name=name, script=(fault, good), waits=waits, expected=expected or answers(2))


def _within(seconds: float) -> Expected:
    """Waited for where the deadline of the class allows: 120 s for a question, 30 s for the rest."""
    at_once = raises(RateLimited, stopped_by="deadline")
    return Expected({replay: answer(2) if seconds < 30 or replay is Replay.ASK else at_once for replay in Replay})


_THROTTLED = (
    _throttle_row("429 without Retry-After", throttle(""), _OWN),
    _throttle_row("Retry-After 0", throttle("0"), _OWN),
    _throttle_row("Retry-After 2", throttle("2"), _waits(2, 2)),
    _throttle_row("Retry-After 60", throttle("60"), _waits(60, 60), _within(60)),
    _throttle_row("Retry-After 61", throttle("61"), expected=_TOO_LONG),
    _throttle_row("Retry-After 10^9", throttle("1000000000"), expected=_TOO_LONG),
    _throttle_row("Retry-After of 5,000 digits", throttle("9" * 5_000), expected=_TOO_LONG),
    *(
        _throttle_row(f"Retry-After {value}", throttle(value), _OWN)
        for value in ("-1", "5.5", "nan", "inf", "1e3", "5, 6", "soon", "0x10", "+5")
    ),
    _throttle_row("Retry-After in full-width digits", throttle("\xef\xbc\x95"), _OWN),
    _throttle_row("Retry-After as an IMF date", throttle(formatdate(_NOON + 7, usegmt=True), **_AT_NOON), _waits(7, 7)),
    _throttle_row(
        "Retry-After as an RFC 850 date",
        throttle("Thursday, 05-Nov-26 12:00:07 GMT", date="Thu, 05 Nov 2026 12:00:00 GMT"),
        _waits(7, 7),
    ),
    _throttle_row(
        "Retry-After as an asctime date",
        throttle("Thu Nov  5 12:00:07 2026", date="Thu, 05 Nov 2026 12:00:00 GMT"),
        _waits(7, 7),
    ),
    _throttle_row("Retry-After as a date in the past", throttle(formatdate(_NOON - 99, usegmt=True), **_AT_NOON), _OWN),
    _throttle_row("Retry-After in the year 100000", throttle("Thu, 05 Nov 100000 12:00:00 GMT"), _OWN),
)

# Servers that fail


def fail(status: int, **headers: str) -> Fault:
    """An error page of a gateway, or an error in JSON."""
    return send(as_json({"detail": "broken"}, status, **headers), keep=True)


_FAILING = (
    *(
        Injection(
            row=43,
            name=f"{status} twice, then success",
            script=(fail(status), fail(status), good),
            expected=answers(3, duplicated=status != 503),
        )
        for status in (500, 501, 502, 503, 504, 505, 520, 599)
    ),
    *(
        Injection(
            row=43,
            name=f"{status} forever",
            script=(fail(status),),
            expected=exhausts(ServerError, delivered=status != 503),
        )
        for status in (500, 503)
    ),
    Injection(
        row=44,
        name="503, with an empty retry budget",
        script=(fail(503),),
        settings={"retry_budget": 0},
        expected=every(raises(ServerError, stopped_by="budget")),
    ),
    Injection(
        row=45,
        name="507 once",
        script=(fail(507), good),
        waits=_waits(0, 5),
        expected=answers(2),
    ),
    Injection(row=45, name="507 forever", script=(fail(507),), expected=exhausts(InsufficientTokens)),
    Injection(
        row=45,
        name="507 with Retry-After",
        script=(fail(507, retry_after="9"), good),
        waits=_waits(9, 9),
        expected=answers(2),
    ),
    Injection(
        row=45,
        name="507, with its retries switched off",
        script=(fail(507), good),
        settings={"retry_insufficient_tokens": False},
        expected=never(InsufficientTokens),
    ),
)

# Kadal's envelope


def envelope(status: object) -> Fault:
    """HTTP 200, with another status in the body, and words about it in place of the answer's."""
    words = {} if status in (None, True, "ok", 201) else {"message": ""}
    return change_fields(status_code=status, **words)


def without_envelope(received: HttpMessage) -> bytes:
    """The good answer without its status."""
    fields = json.loads(good_body(received))
    fields.pop("status_code", None)
    return as_json(fields)


def _envelope_row(name: str, status: object, expected: Expected) -> Injection:
    return Injection(
        row=46,
        name=f"HTTP 200 with {name} in the body",
        script=(envelope(status), good),
        where=is_kadal,
        expected=expected,
    )


_ENVELOPES = (
    _envelope_row("507", 507, answers(2)),
    _envelope_row('"507"', "507", answers(2)),
    _envelope_row("403", 403, never(PermissionDenied)),
    # A list of rows with a 404 is how Kadal says that there are none.
    _envelope_row("404", 404, never(NotFound).but(kadal_history=answer())),
    _envelope_row("204", 204, never(NotFound, delivered=True).but(kadal_feedback=answer(), kadal_clear=answer())),
    _envelope_row("500", 500, answers(2, duplicated=True)),
    _envelope_row("503", 503, answers(2)),
    _envelope_row("302", 302, never(InvalidResponse, "redirect")),
    _envelope_row("201", 201, answers(1)),
    _envelope_row("null", None, answers(1)),
    _envelope_row("true", True, answers(1)),
    _envelope_row('"ok"', "ok", answers(1)),
    Injection(
        row=46,
        name="HTTP 200 without a status in the body",
        script=(reply(without_envelope),),
        where=is_kadal,
        expected=answers(1),
    ),
)

INJECTIONS = (*_REFUSED, *_TOKENS, *_THROTTLED, *_FAILING, *_ENVELOPES)
