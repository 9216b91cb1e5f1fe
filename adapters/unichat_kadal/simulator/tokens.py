"""Bearer tokens: one that does not expire, those that a client fetches, and the check of each request's token."""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import Simulator, dump_json, json_response
from unichat_kadal.simulator.context import Context, detail_error
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.validation import Field, Fields, string, validate
from unichat_kadal.simulator.validation import uuid as a_uuid

_FIELDS: Fields = {
    "client_id": Field(string, required=True),
    "client_secret": Field(string, required=True),
    "grant_type": Field(string),
    "realm": Field(a_uuid),
    "scopes": Field(string),
}
_REFRESH_LIFETIME = 1800


class Tokens:
    """The simulator's stored credentials: one token that does not expire, and one client that may fetch tokens."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        store = simulator.store
        self.token = store.get_or_create("kadal.token", lambda: secrets.token_urlsafe(32))
        self.client_id = store.get_or_create("kadal.client_id", lambda: f"sandbox-{secrets.token_hex(4)}")
        self.client_secret = store.get_or_create("kadal.client_secret", lambda: secrets.token_urlsafe(32))
        self.tenant_id = store.get_or_create("kadal.tenant", lambda: str(uuid.uuid4()))

    def authenticate(self, request: Request, quirks: KadalQuirks) -> None:
        """Check that a request has a valid token.

        Raises:
            ApiError: 401 or 403, as the quirks say.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise _unauthorized_error(quirks.missing_token_status, "Not authenticated")
        if not self._is_valid(token.strip()):
            raise _unauthorized_error(quirks.wrong_token_status, "Invalid authentication credentials")

    def _is_valid(self, token: str) -> bool:
        if secrets.compare_digest(token.encode(), self.token.encode()):
            return True
        row = self._simulator.store.row("SELECT expires_at FROM kadal_tokens WHERE token = ?", (token,))
        return row is not None and self._simulator.clock() < row["expires_at"]

    def issue_token(self, context: Context) -> Response:
        """Issue a token to a client that sends the right secret. Source: Kadal's Auth API, 'oauth/connect/token'."""
        given = _read_credentials(context)
        if given["grant_type"] not in (None, "client_credentials"):
            raise detail_error(400, "Unsupported grant_type")
        known = secrets.compare_digest(given["client_id"].encode(), self.client_id.encode())
        if not (known and secrets.compare_digest(given["client_secret"].encode(), self.client_secret.encode())):
            raise detail_error(401, "Invalid client or Invalid client credentials")
        if given["realm"] not in (None, self.tenant_id):
            raise detail_error(404, "Realm does not exist")
        return json_response(
            200,
            {
                "access_token": self._issue(context.quirks.token_lifetime),
                "expires_in": context.quirks.token_lifetime,
                "refresh_expires_in": _REFRESH_LIFETIME,
                "refresh_token": secrets.token_urlsafe(32),
                "token_type": "Bearer",
                "not-before-policy": 0,
                "session_state": str(uuid.uuid4()),
                "scope": given["scopes"] or "email profile",
            },
        )

    def _issue(self, lifetime: int) -> str:
        """Return a new token: a JWT like the vendor's. A client may read its `exp`; its signature is random."""
        now = self._simulator.clock()
        claims = {"azp": self.client_id, "tenant_id": self.tenant_id, "iat": int(now), "exp": int(now + lifetime)}
        token = ".".join(
            (_encode_segment({"alg": "HS256", "typ": "JWT"}), _encode_segment(claims), secrets.token_urlsafe(32))
        )
        store = self._simulator.store
        store.run("DELETE FROM kadal_tokens WHERE expires_at <= ?", (now,))
        store.run("INSERT INTO kadal_tokens (token, expires_at) VALUES (?, ?)", (token, now + lifetime))
        return token


def _read_credentials(context: Context) -> dict[str, Any]:
    encoding = context.quirks.token_encoding
    if encoding == "query":
        given = context.read_query(_FIELDS)
    elif encoding == "json":
        given = context.read_body(_FIELDS)
    else:
        given, errors = validate("body", _parse_form(context.body), _FIELDS)
        if errors:
            raise detail_error(422, errors)
    context.raise_errors()
    return given


def _parse_form(body: Any) -> dict[str, str]:
    if not isinstance(body, bytes):
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _unauthorized_error(status: int, detail: str) -> Exception:
    return detail_error(status, detail, {"www-authenticate": "Bearer"} if status == 401 else None)


def _encode_segment(part: object) -> str:
    return base64.urlsafe_b64encode(dump_json(part).encode()).rstrip(b"=").decode()
