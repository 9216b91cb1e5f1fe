"""The one error of starting a sandbox."""

from __future__ import annotations


class SandboxError(ValueError):
    """The sandbox cannot start as asked; the message says why, and what to do."""
