"""What a child process resets after a fork; where there is no fork, as on Windows, nothing."""

from __future__ import annotations

import os
from collections.abc import Callable


def reset_after_fork(reset: Callable[[], None]) -> None:
    """Have `reset` called in each child process that this one forks.

    For locks, threads and connections: those of the parent are of no use in the child.
    """
    # Neither Windows nor WebAssembly has it.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=reset)
