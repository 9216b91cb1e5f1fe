"""Requests as they were seen: kept for tests to look at, with the secrets taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import field, frozen

_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie"})
_SECRET_FIELDS = re.compile(rb"""((?:client_secret|refresh_token|password)(?:=|["']\s*:\s*"))[^&"\s]*""", re.IGNORECASE)
HIDDEN = "***"


@frozen
class SeenRequest:
    """A request as it arrived, but for its secrets, which are `***`.

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


def seen(
    method: str,
    path: bytes,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    secrets: Iterable[str],
) -> SeenRequest:
    """Return the request without its secrets: those given, and the usual headers and fields by their names."""
    known = [secret.encode() for secret in secrets]

    def without_secrets(data: bytes) -> bytes:
        for secret in known:
            data = data.replace(secret, HIDDEN.encode())
        return _SECRET_FIELDS.sub(rb"\1" + HIDDEN.encode(), data)

    shown = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), without_secrets(raw_value).decode("latin-1")
        if name in _SECRET_HEADERS:
            scheme, space, _ = value.partition(" ")
            value = f"{scheme} {HIDDEN}" if space and name.endswith("authorization") else HIDDEN
        shown.append((name, value))
    return SeenRequest(
        method,
        without_secrets(path).decode("latin-1"),
        without_secrets(query).decode("latin-1"),
        tuple(shown),
        without_secrets(body),
    )
