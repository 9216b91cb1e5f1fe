"""What was given for a setting, and where it stands: for messages, relative paths, and how strictly it is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

from attrs import field, frozen


class Unreadable(Enum):
    """The type of `UNREADABLE`."""

    UNREADABLE = "unreadable"


UNREADABLE: Final = Unreadable.UNREADABLE
"""Stands for a value that was given but cannot be used, which has been reported: it is not missing."""


@frozen(kw_only=True)
class Source:
    """Where settings come from.

    Attributes:
        place: as an error names it.
        form: `keyword` and `file` have typed values, `url` and `environment` have text, read as the setting's type.
        folder: what relative paths are relative to.
        environ: the environment that references name variables of.
    """

    place: str
    form: Literal["keyword", "file", "url", "environment"]
    folder: Path
    environ: Mapping[str, str] = field(repr=False)


@frozen
class Given:
    """A value, which may be a secret and is not shown, and its source."""

    value: Any = field(repr=False)
    source: Source
