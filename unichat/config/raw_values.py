"""Settings before they are checked: a value, and where it comes from, which decides how strictly it is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

from attrs import field, frozen

from unichat._text.templates import Template, Term


class Unreadable(Enum):
    """The type of `UNREADABLE`."""

    UNREADABLE = "unreadable"


UNREADABLE: Final = Unreadable.UNREADABLE
"""A value that cannot be used, which has been reported: the setting is not missing."""


KEYWORD: Final = Template(Term("keyword argument"))
"""The location of what `connect` was given by name."""


@frozen(kw_only=True)
class Source:
    """Where settings come from.

    Attributes:
        location: what an error calls it.
        form: `keyword` and `file` have typed values; `url` and `environment` have text, parsed as the setting's type.
        folder: the folder that relative paths start from.
        environ: the environment in which references look up variables.
    """

    location: str
    form: Literal["keyword", "file", "url", "environment"]
    folder: Path
    environ: Mapping[str, str] = field(repr=False)


@frozen
class RawValue:
    """A value and its source. The value may be a secret, so it is not shown."""

    value: Any = field(repr=False)
    source: Source
