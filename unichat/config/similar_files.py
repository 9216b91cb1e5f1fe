"""Files that were probably meant to be the config: where there is none, a name that is nearly right explains why."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

_OTHER_FORMATS = frozenset({".cfg", ".conf", ".ini", ".json", ".yaml", ".yml"})
_SIMILAR = 0.85
_NAMES_LIMIT = 10_000
"""Names looked at in one folder: they are only for a message."""


def find_similar_name(name: str, folders: Iterable[Path]) -> Path | None:
    """Return a file in the first of these folders that has one whose name is nearly `name`, such as `unichat.toml`.

    A link called `name` counts, too, since the caller has not found a file: it leads nowhere.
    """
    for folder in folders:
        similar = [each for each in _names(folder) if is_similar(name, each) and _may_be_meant(folder / each)]
        if similar:
            return folder / max(sorted(similar), key=lambda each: _similarity(name, each))
    return None


def is_similar(name: str, other: str) -> bool:
    """Return whether a file called `other` was probably meant to be called `name`."""
    wanted, found = Path(name.lower()), Path(other.lower())
    if wanted.name in found.name:
        # Also a backup, and what an editor or a browser makes of a name: .unichat.toml, unichat.toml.txt.
        return True
    if found.suffix in _OTHER_FORMATS:
        return found.stem.lstrip(".") == wanted.stem
    if not found.suffix:
        return _similarity(wanted.name, found.name) >= _SIMILAR
    stem_fits = wanted.stem in found.stem or _similarity(wanted.stem, found.stem) >= _SIMILAR
    return stem_fits and _similarity(wanted.suffix, found.suffix) >= _SIMILAR


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in islice(folder.iterdir(), _NAMES_LIMIT)]
    except OSError:
        # It is missing, or may not be listed.
        return []


def _may_be_meant(path: Path) -> bool:
    try:
        return path.is_symlink() or path.is_file()
    except OSError:
        return False


def _similarity(name: str, other: str) -> float:
    return SequenceMatcher(None, name.lower(), other.lower()).ratio()
