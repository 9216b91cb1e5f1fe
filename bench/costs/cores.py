"""Keeps server and clients apart: the server has the first core that this process may use, the clients the last."""

from __future__ import annotations

import os
from typing import Literal


def pin(part: Literal["server", "client"]) -> int | None:
    """Stay on the part's core; return which, or None where that cannot be had (another system, or one core only)."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    core = cores[0] if part == "server" else cores[-1]
    os.sched_setaffinity(0, {core})
    return core
