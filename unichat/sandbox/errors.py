"""The error for a sandbox that cannot start."""

from __future__ import annotations


class SandboxError(ValueError):
    """The sandbox cannot start as requested; the message says why, and what to do."""
