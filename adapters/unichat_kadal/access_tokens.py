"""Fetches access tokens for a client account. Source: Kadal's Auth API, `oauth/connect/token`."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from time import time
from urllib.parse import urlencode

from unichat.adapter import ErrorResponse, Fields, Operation, Replay, Reply, Request, Secret, Token, encode_json
from unichat.errors import ConfigError, InvalidResponse
from unichat_kadal.models import read_body
from unichat_kadal.operations import endpoints
from unichat_kadal.settings import KadalSettings

PATH = "/auth/api/v1/oauth/connect/token"


def fetch_token(settings: KadalSettings) -> Operation[Token]:
    """Return the operation that fetches a token with the settings' client account."""
    assert settings.client_id is not None
    assert settings.client_secret is not None
    fields = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.reveal(),
    }
    if settings.realm is not None:
        fields["realm"] = settings.realm
    if settings.token_encoding == "json":
        request = Request("POST", PATH, body=encode_json(fields, "client account"))
    else:
        request = Request(
            "POST", PATH, body=urlencode(fields).encode(), content_type="application/x-www-form-urlencoded"
        )
    return Operation(
        backend="kadal",
        name="access_token",
        replay=Replay.READ,
        request=request,
        detect_error=_detect_error,
        parse=_parse_token,
        signed=False,
    )


def _detect_error(reply: Reply) -> ErrorResponse | None:
    problem = endpoints.detect_error(reply)
    if problem is not None and problem.status in (400, 401, 404):
        return ErrorResponse(
            status=problem.status,
            means=401,
            message=problem.message,
            envelope_status=problem.envelope_status,
            hint="Check client_id, client_secret, realm and base_url.",
        )
    return problem


def _parse_token(reply: Reply) -> Token:
    top = Fields(read_body(reply))
    data = top.raw.get("data")
    # The login's sample code reads the token from the top level, although its sample response has it under "data".
    fields = Fields(data, "/data") if isinstance(data, dict) and "access_token" not in top.raw else top
    text = fields.require_text("access_token")
    lifetime = fields.integer("expires_in")
    secret = None
    with suppress(ConfigError):
        secret = Secret(text, name="access_token")
    if secret is None:
        raise InvalidResponse("the access token cannot be used in an HTTP header", pointer="/access_token")
    return Token(secret, _read_lifetime(text) if lifetime is None else float(lifetime))


def _read_lifetime(token: str) -> float | None:
    """Return the seconds until a JWT's `exp`; unverified, since it only says when to fetch the next token."""
    with suppress(ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError):
        # A JWT leaves the padding out; the decoder ignores what is too much of it.
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return max(0.0, float(claims["exp"]) - time())
    return None
