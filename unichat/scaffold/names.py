"""The names of new adapters: which are valid, which are taken, and what else is named after them."""

from __future__ import annotations

import keyword
import re
from importlib.metadata import PackageNotFoundError, distribution

from unichat._text.printable import format_value
from unichat.config.plugins import ADAPTERS, SIMULATORS, class_prefix, find_plugin
from unichat.errors import InvalidInput

_LIMIT = 30
"""Characters of a name: longer ones would not fit into the lines of the templates."""
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_RESERVED = frozenset({"bridge", "common", "fake", "transcript"})
"""`unichat-bridge` is unichat itself, and `fake` the scripted vendor of `unichat.testing`. The settings of the other
two would have the names of the classes that they derive from, `CommonSettings` and `TranscriptSettings`."""


def check_name(name: object) -> str:
    """Return the name of a new adapter.

    Raises:
        InvalidInput: it cannot be one, or is taken.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "Use lower-case letters, digits and single underscores, beginning with a letter"
        raise _error(name, "it is not a valid name", f"{hint}, such as {_suggest_name(name)}.")
    if len(name) > _LIMIT:
        raise _error(name, f"it is over {_LIMIT} characters long", "Choose a shorter one.")
    if keyword.iskeyword(name):
        raise _error(name, "it is a keyword of Python", f"Choose another one, such as {name}_bot.")
    if name in _RESERVED:
        raise _error(name, "unichat uses it itself", f"Choose another one, such as {name}_bot.")
    if (owner := _find_owner(name)) is not None:
        raise _error(name, f"{owner} has it already", "Choose another one, or uninstall that package.")
    return name


def name_values(name: str) -> dict[str, str]:
    """Return what the templates make of a name, by placeholder."""
    return {
        "name": name,
        "title": name.replace("_", " ").title(),
        "prefix": class_prefix(name),
        "env": name.upper(),
        # No host's name has an underscore.
        "host": name.replace("_", "-"),
    }


def _suggest_name(name: object) -> str:
    """Return a valid name that is like one that is not."""
    like = re.sub(r"[^a-z0-9]+", "_", str(name).lower()[:_LIMIT]).strip("_").lstrip("_0123456789")
    if not isinstance(name, str) or not like:
        return "acme"
    return f"{like}_bot" if keyword.iskeyword(like) or like in _RESERVED else like


def _find_owner(name: str) -> str | None:
    """Return what is installed under a name, or None."""
    for group, kind in ((ADAPTERS, "adapter"), (SIMULATORS, "simulator")):
        point = find_plugin(group, name)
        if point is not None:
            return f"the {kind} {point.value}"
    try:
        distribution(f"unichat-{name}")
    except PackageNotFoundError:
        return None
    return f"the package unichat-{name}"


def _error(name: object, problem: str, hint: str) -> InvalidInput:
    shown = format_value(name)
    return InvalidInput(f"an adapter cannot be named {shown}: {problem}", hint=hint, argument="name", value=shown)
