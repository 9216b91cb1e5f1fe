"""Lists of names in messages: all of a few; of many, those most like the one that was given."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_SHORT = 8
_SHOWN = 3


def list_names(name: str, known: Sequence[str], *, label: str, where: str) -> str:
    """Return the sentence that lists the `known` names, after one that says that `name` is none of them.

    Args:
        name: what was given.
        known: all names.
        label: what a short list is called, such as `Accepted`.
        where: what lists all of them.
    """
    if len(known) <= _SHORT:
        return f"{label}: {', '.join(known) or 'none'}."
    ratios = {each: SequenceMatcher(None, name.lower(), each.lower()).ratio() for each in known}
    closest = sorted(known, key=lambda each: -ratios[each])[:_SHOWN]
    return f"{label}: {', '.join(closest)}, and {len(known) - _SHOWN} more, which {where} lists."
