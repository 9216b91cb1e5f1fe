"""Secrets, which never print, and how a request is signed with them."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from attrs import field, frozen

from unichat.adapter.messages import Request
from unichat.errors import ConfigError


def _problem(text: object) -> tuple[str, str]:
    if not isinstance(text, str):
        return f"must be text, not {type(text).__name__}", "Give the key that the vendor issued."
    if not text:
        return "is empty", "Give the key that the vendor issued."
    if text != text.strip():
        return "has leading or trailing whitespace", "Remove it; a file often ends in a line break."
    if not (text.isascii() and text.isprintable()):
        return "holds characters that cannot be used in an HTTP header", "Give the key that the vendor issued."
    return "", ""


class Secret:
    """A text that shows as `***` everywhere and cannot be pickled. `reveal()` gives the text.

    Raises:
        ConfigError: the text is empty, has leading or trailing whitespace, or holds anything but printable ASCII,
            so it cannot be used in an HTTP header. The message never shows the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str, *, name: str = "secret") -> None:
        problem, hint = _problem(text)
        if problem:
            # Keep it out of tracebacks that show local variables.
            del text
            raise ConfigError(f"{name} {problem}", key=name, hint=hint)
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: call it only where the request is signed."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: send its reference ({env = ...}) instead")


@frozen
class Signature:
    """The header that signs a request.

    Attributes:
        scheme: precedes the secret in the header's value; empty for none.
    """

    header: str
    secret: str = field(repr=False)
    scheme: str = ""

    @property
    def value(self) -> str:
        """The header's value."""
        return f"{self.scheme} {self.secret}" if self.scheme else self.secret

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: the secret, and what follows a scheme that is part of it."""
        return (self.secret, *self.secret.split()[1:])


@frozen
class Token:
    """An access token, and the seconds until it expires (None if unknown)."""

    secret: Secret
    lifetime: float | None = None


TokenProvider = Callable[[], str | Secret | Awaitable[str | Secret]]
"""A function without arguments that returns a valid token; called before each request.

A client on asyncio calls it in a thread, since it may block, and awaits it if it is asynchronous.
"""

RequestSigner = Callable[[Request], Mapping[str, str | Secret]]
"""A function that returns the headers that sign a request, by name; called before each attempt, and without I/O.

All that it returns counts as secret: it is redacted, and never logged.
"""
