"""The URL form of a backend's settings: `kapa://PROJECT_ID?KEY=VALUE&...`.

Everything after the backend's name may hold a secret, so no message shows any of it but the keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from unichat._text.printable import quoted
from unichat.config.given import UNREADABLE, Unreadable
from unichat.config.problems import Problem

_FORM = "Such as kapa://PROJECT_ID?integration_id=…"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://([^?#]*)(?:\?([^#]*))?(#.*)?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@frozen(kw_only=True)
class BackendUrl:
    """A URL taken apart.

    Attributes:
        backend: the backend's name.
        identity: the part after `//`, percent-decoded; None if it is empty.
        query: the settings by name, percent-decoded.
    """

    backend: str
    identity: str | Unreadable | None = field(repr=False)
    query: Mapping[str, str | Unreadable] = field(repr=False)


def is_url(text: str) -> bool:
    """Tell a URL from a backend's name."""
    return "://" in text


def parse_url(text: str, *, place: str) -> tuple[BackendUrl | None, list[Problem]]:
    """Take a URL apart.

    Returns the parts, with `UNREADABLE` for those that were given but cannot be used, and all that is wrong with
    them; no parts at all if nothing could be made out.
    """
    match = _URL.fullmatch(text) if text.isprintable() and " " not in text else None
    if match is None:
        problem = "is no URL, or holds blanks or control characters that are not percent-encoded"
        return None, [Problem(problem, place=place, hint=_FORM, key="url")]
    # Not urlsplit: its hostname is lower-cased, and ids are not to be changed.
    backend, host, query, fragment = match.groups()
    problems = []
    if fragment:
        # A value may hold the mark; an id hardly does, and some vendors refuse it there.
        hint = "Write # as %23." if query else _FORM
        problems.append(Problem("has a fragment", place=place, hint=hint, key="url"))
    identity, problem = _identity(host)
    if problem:
        problems.append(Problem(problem, place=place, hint=_FORM, key="url"))
    settings, unusable = _settings(query or "", place)
    return BackendUrl(backend=backend.lower(), identity=identity, query=settings), problems + unusable


def _identity(host: str) -> tuple[str | Unreadable | None, str]:
    for character, problem in (
        ("@", "has a user name or password, which has no meaning here (write @ as %40)"),
        ("/", "has a path, which has no meaning here"),
        (":", "has a port, which has no meaning here (write : as %3A)"),
    ):
        if character in host:
            return UNREADABLE, problem
    decoded = _decoded(host)
    if decoded is None:
        return UNREADABLE, "has an id that is not percent-encoded UTF-8"
    return decoded or None, ""


def _settings(query: str, place: str) -> tuple[dict[str, str | Unreadable], list[Problem]]:
    settings: dict[str, str | Unreadable] = {}
    problems = []
    for part in query.split("&") if query else ():
        written, _, value = part.partition("=")
        key = _decoded(written)
        if not key:
            problems.append(Problem("has a part without a key", place=place, hint=_FORM, key="url"))
            continue
        # A plus stands for a blank, as in the query of any form: urlencode writes blanks so.
        decoded = _decoded(value.replace("+", " "))
        problem = ""
        if key in settings:
            problem = f"has {quoted(key)} twice"
        elif decoded is None:
            problem = f"has a value of {quoted(key)} that is not percent-encoded UTF-8"
        elif not decoded.strip():
            problem = f"has {quoted(key)} without a value"
        if problem:
            problems.append(Problem(problem, place=place, key=key))
        settings[key] = UNREADABLE if problem or decoded is None else decoded
    return settings, problems


def _decoded(part: str) -> str | None:
    if _BROKEN_ESCAPE.search(part):
        return None
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeError:
        return None
