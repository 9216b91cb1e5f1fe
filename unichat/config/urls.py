"""The URL form of a backend's settings: `kapa://PROJECT_ID?KEY=VALUE&...`.

Everything after the backend's name may hold a secret, so no message shows any of it but the keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.config.problems import Problem
from unichat.config.raw_values import UNREADABLE, Unreadable

_FORM = "Such as kapa://PROJECT_ID?integration_id=…"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://([^?#]*)(?:\?([^#]*))?(#.*)?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@frozen(kw_only=True)
class BackendUrl:
    """The parts of a URL.

    Attributes:
        backend: the backend's name.
        identity: the part after `//`, percent-decoded; None if it is empty.
        query: the settings by name, percent-decoded.
    """

    backend: str
    identity: str | Unreadable | None = field(repr=False)
    query: Mapping[str, str | Unreadable] = field(repr=False)


def is_url(text: str) -> bool:
    """Return whether `text` is a URL and not a backend's name."""
    return "://" in text


def parse_url(text: str, *, location: str) -> tuple[BackendUrl | None, list[Problem]]:
    """Split a URL into its parts.

    Returns the parts, with `UNREADABLE` for those that cannot be used, and every problem with them; None instead of
    the parts if the text is not a URL at all.
    """
    match = _URL.fullmatch(text) if text.isprintable() and " " not in text else None
    if match is None:
        problem = "is not a URL, or has spaces or control characters that are not percent-encoded"
        return None, [Problem(problem, location=location, hint=_FORM, key="url")]
    # Not urlsplit: it lowercases the host name, and ids must not change.
    backend, host, query, fragment = match.groups()
    problems = []
    if fragment:
        # A value may contain #; an id hardly does, and some vendors reject it there.
        hint = "Write # as %23." if query else _FORM
        problems.append(Problem("has a fragment", location=location, hint=hint, key="url"))
    identity, problem = _parse_identity(host)
    if problem:
        problems.append(Problem(problem, location=location, hint=_FORM, key="url"))
    settings, more = _parse_query(query or "", location)
    return BackendUrl(backend=backend.lower(), identity=identity, query=settings), problems + more


def _parse_identity(host: str) -> tuple[str | Unreadable | None, str]:
    for character, problem in (
        ("@", "has a user name or password, which has no meaning here (write @ as %40)"),
        ("/", "has a path, which has no meaning here"),
        (":", "has a port, which has no meaning here (write : as %3A)"),
    ):
        if character in host:
            return UNREADABLE, problem
    decoded = _percent_decode(host)
    if decoded is None:
        return UNREADABLE, "has an id that is not percent-encoded UTF-8"
    return decoded or None, ""


def _parse_query(query: str, location: str) -> tuple[dict[str, str | Unreadable], list[Problem]]:
    settings: dict[str, str | Unreadable] = {}
    problems = []
    for part in query.split("&") if query else ():
        written, _, value = part.partition("=")
        key = _percent_decode(written)
        if not key:
            problems.append(Problem("has a part without a key", location=location, hint=_FORM, key="url"))
            continue
        # A plus means a space, as in the query of any HTML form.
        decoded = _percent_decode(value.replace("+", " "))
        problem = ""
        if key in settings:
            problem = f"has {format_value(key)} twice"
        elif decoded is None:
            problem = f"has a value of {format_value(key)} that is not percent-encoded UTF-8"
        elif not decoded.strip():
            problem = f"has {format_value(key)} without a value"
        if problem:
            problems.append(Problem(problem, location=location, key=key))
        settings[key] = UNREADABLE if problem or decoded is None else decoded
    return settings, problems


def _percent_decode(part: str) -> str | None:
    if _BROKEN_ESCAPE.search(part):
        return None
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeError:
        return None
