"""The error for a sandbox that cannot start, or cannot do what it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from unichat._text.printable import format_value


class SandboxError(ValueError):
    """The sandbox cannot start as requested; the message says why, and what to do."""


def unknown_simulator(name: object, known: Iterable[str]) -> SandboxError:
    """Return the error for a name of no simulator: it names the nearest, and all that there are."""
    names = sorted(known)
    nearest = get_close_matches(str(name), names, n=1)
    meant = f" (did you mean {nearest[0]}?)" if nearest else ""
    return SandboxError(f"no simulator of {format_value(name)}{meant}; there are: {', '.join(names)}")
