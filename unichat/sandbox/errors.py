"""The error for a sandbox that cannot start."""

from __future__ import annotations


class SandboxError(ValueError):
    """The sandbox cannot start as asked; the message says why, and what to do."""
