"""Bearer tokens: the one that stays, those that are fetched and expire, and who may pass."""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from unichat.sandbox import Simulator, dump_json, json_response
from unichat_kadal.simulator.calls import Call, refused
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.validation import Field, Fields, checked, string
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
    """The simulator's accounts: one lasting token, and one client that may fetch tokens; kept with the state."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        store = simulator.store
        self.token = store.kept("kadal.token", lambda: secrets.token_urlsafe(32))
        self.client_id = store.kept("kadal.client_id", lambda: f"sandbox-{secrets.token_hex(4)}")
        self.client_secret = store.kept("kadal.client_secret", lambda: secrets.token_urlsafe(32))
        self.tenant_id = store.kept("kadal.tenant", lambda: str(uuid.uuid4()))

    def authenticate(self, request: Request, quirks: KadalQuirks) -> None:
        """Let a request with a valid token pass.

        Raises:
            Refused: 401 or 403, as the quirks say.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise _unauthorized(quirks.missing_token_status, "Not authenticated")
        if not self._is_valid(token.strip()):
            raise _unauthorized(quirks.wrong_token_status, "Invalid authentication credentials")

    def _is_valid(self, token: str) -> bool:
        if secrets.compare_digest(token.encode(), self.token.encode()):
            return True
        row = self._simulator.store.row("SELECT expires_at FROM kadal_tokens WHERE token = ?", (token,))
        return row is not None and self._simulator.clock() < row["expires_at"]

    def connect(self, call: Call) -> Response:
        """Give a token to the client that knows its secret. Source: Kadal's Auth API, 'oauth/connect/token'."""
        given = _given(call)
        if given["grant_type"] not in (None, "client_credentials"):
            raise refused(400, "Unsupported grant_type")
        known = secrets.compare_digest(given["client_id"].encode(), self.client_id.encode())
        if not (known and secrets.compare_digest(given["client_secret"].encode(), self.client_secret.encode())):
            raise refused(401, "Invalid client or Invalid client credentials")
        if given["realm"] not in (None, self.tenant_id):
            raise refused(404, "Realm does not exist")
        return json_response(
            200,
            {
                "access_token": self._issue(call.quirks.token_lifetime),
                "expires_in": call.quirks.token_lifetime,
                "refresh_expires_in": _REFRESH_LIFETIME,
                "refresh_token": secrets.token_urlsafe(32),
                "token_type": "Bearer",
                "not-before-policy": 0,
                "session_state": str(uuid.uuid4()),
                "scope": given["scopes"] or "email profile",
            },
        )

    def _issue(self, lifetime: int) -> str:
        """Return a new token: a JWT, as the vendor's are. A client may read its `exp`; its signature is noise."""
        now = self._simulator.clock()
        claims = {"azp": self.client_id, "tenant_id": self.tenant_id, "iat": int(now), "exp": int(now + lifetime)}
        token = ".".join((_segment({"alg": "HS256", "typ": "JWT"}), _segment(claims), secrets.token_urlsafe(32)))
        store = self._simulator.store
        store.run("DELETE FROM kadal_tokens WHERE expires_at <= ?", (now,))
        store.run("INSERT INTO kadal_tokens (token, expires_at) VALUES (?, ?)", (token, now + lifetime))
        return token


def _given(call: Call) -> dict[str, Any]:
    encoding = call.quirks.token_encoding
    if encoding == "query":
        given = call.query(_FIELDS)
    elif encoding == "json":
        given = call.fields(_FIELDS)
    else:
        given, errors = checked("body", _form(call.body), _FIELDS)
        if errors:
            raise refused(422, errors)
    call.check()
    return given


def _form(body: Any) -> dict[str, str]:
    if not isinstance(body, bytes):
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _unauthorized(status: int, detail: str) -> Exception:
    return refused(status, detail, {"www-authenticate": "Bearer"} if status == 401 else None)


def _segment(part: object) -> str:
    return base64.urlsafe_b64encode(dump_json(part).encode()).rstrip(b"=").decode()
