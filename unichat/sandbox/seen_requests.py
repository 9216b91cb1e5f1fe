"""Recorded requests, which tests can inspect; their secrets are redacted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import field, frozen

_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie"})
_SECRET_FIELDS = re.compile(rb"""((?:client_secret|refresh_token|password)(?:=|["']\s*:\s*"))[^&"\s]*""", re.IGNORECASE)
REDACTED = "***"


@frozen
class SeenRequest:
    """A request as it arrived, except for its secrets, which are `***`.

    `path` and `query` are raw: still percent-encoded, the query without its `?`. Header names are in lower case.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)


def redact_request(
    method: str,
    path: bytes,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    secrets: Iterable[str],
) -> SeenRequest:
    """Return the request with `secrets` redacted, and with them the usual secret headers and fields."""
    encoded_secrets = [secret.encode() for secret in secrets]

    def redact(data: bytes) -> bytes:
        for secret in encoded_secrets:
            data = data.replace(secret, REDACTED.encode())
        return _SECRET_FIELDS.sub(rb"\1" + REDACTED.encode(), data)

    redacted_headers = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), redact(raw_value).decode("latin-1")
        if name in _SECRET_HEADERS:
            scheme, space, _ = value.partition(" ")
            value = f"{scheme} {REDACTED}" if space and name.endswith("authorization") else REDACTED
        redacted_headers.append((name, value))
    return SeenRequest(
        method,
        redact(path).decode("latin-1"),
        redact(query).decode("latin-1"),
        tuple(redacted_headers),
        redact(body),
    )
