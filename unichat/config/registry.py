"""The installed adapters by name, built-in or not."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from unichat._text.printable import format_value, shorten
from unichat.adapter import Backend
from unichat.config.plugins import ADAPTERS, find_plugin, list_plugins
from unichat.errors import ConfigError

Find = Callable[[str], Backend[Any]]
"""A function that returns a backend by name, as `find` does."""
Names = Callable[[], tuple[str, ...]]
"""A function that returns the names of all backends, as `names` does."""


def names() -> tuple[str, ...]:
    """Return the names of all installed adapters, sorted."""
    return tuple(sorted(list_plugins(ADAPTERS)))


def find(name: str) -> Backend[Any]:
    """Return the installed adapter `name`.

    Raises:
        ConfigError: there is no such adapter, or its package cannot be imported.
    """
    point = find_plugin(ADAPTERS, name)
    if point is None:
        known = names()
        nearest = get_close_matches(name.lower(), known, n=1)
        raise ConfigError(
            f"there is no adapter {format_value(name)}",
            key="backend",
            accepted=known,
            nearest=nearest[0] if nearest else None,
            hint=(f"Did you mean {nearest[0]!r}? " if nearest else "")
            + f"Installed: {', '.join(known) or 'none; install unichat-bridge'}.",
        )
    problem = ""
    backend = None
    try:
        backend = point.load()
    except Exception as error:
        problem = f"{type(error).__name__}: {shorten(str(error))}"
    if not isinstance(backend, Backend):
        problem = problem or f"{point.value} is a {type(backend).__name__}, not a unichat.adapter.Backend"
        raise ConfigError(
            f"the adapter {format_value(name)} does not load ({problem})",
            key="backend",
            hint="Reinstall or repair the package that registers it.",
        )
    return backend
