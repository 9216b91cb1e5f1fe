"""Removes secrets from what a vendor says: some servers echo the key that they reject, or the login that failed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl, quote, quote_plus

from attrs import fields

from unichat.adapter import CommonSettings, Request, Secret

_MIN_LENGTH = 6
"""Characters that a secret must have to be replaced: a shorter one occurs in other text by chance."""


class Redaction:
    """Replaces known secrets by `***`, in each form in which a server would echo them, even where one is cut short."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _MIN_LENGTH}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, "***")
        if not text.endswith("…"):
            return text
        for form in self._forms:
            # Vendors' texts are trimmed, and the cut may have left the beginning of a secret.
            rest = text.removesuffix("…")
            for length in range(len(form), _MIN_LENGTH - 1, -1):
                if rest.endswith(form[:length]):
                    text = rest[:-length] + "***"
                    break
        return text


@lru_cache(maxsize=64)
def redaction_for(*secrets: str) -> Redaction:
    """Return the redaction for these secrets; cached, since a client's calls all share one."""
    return Redaction(secrets)


def _forms(secret: str) -> Iterable[str]:
    yield from (
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    )
    # What precedes it shifts it by up to two bytes within base64's groups of three. Each character holds six bits, and
    # those at the ends may hold bits of its neighbours too.
    content = secret.encode()
    for shift, first in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + content).decode()
        yield encoded[first : (shift + len(content)) * 8 // 6]


def secrets_in_body(request: Request) -> list[str]:
    """Return the values in the body of a request that carries its credential there, such as a login."""
    text = (request.body or b"").decode(errors="replace")
    if request.content_type == "application/x-www-form-urlencoded":
        return [value for _, value in parse_qsl(text)]
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        # Of another kind, which the adapter encoded itself.
        return [text]
    return [item for item in value.values() if isinstance(item, str)] if isinstance(value, dict) else []


def secrets_in_settings(settings: CommonSettings) -> tuple[Secret, ...]:
    """Return the secrets among a backend's settings, which its adapter may put into any header."""
    values = (getattr(settings, item.name) for item in fields(type(settings)))
    return tuple(value for value in values if isinstance(value, Secret))
