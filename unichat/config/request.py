"""What `resolve` is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat.config import registry
from unichat.config.registry import Find, Names

PathText = str | os.PathLike[str]


@frozen(kw_only=True)
class ResolveRequest:
    """The arguments of `resolve`, in a form that shows none of those that may be secret."""

    target: str | None = field(default=None, repr=False)
    profile: str | None = None
    config: PathText | None = None
    keywords: Mapping[str, Any] = field(factory=dict, repr=False)
    environ: Mapping[str, str] = field(factory=lambda: os.environ, repr=False)
    cwd: Path | None = None
    find: Find = registry.find
    names: Names = registry.names
