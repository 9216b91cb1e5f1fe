"""Simulated vendors over real HTTP on loopback: try a bot, and test it, without an account.

    with unichat.sandbox.start() as box:
        client = unichat.connect("kapa", **box.settings("kapa"))

Needs the extra `sandbox`. Questions are answered by searching a folder of Markdown and quoting what fits.
"""

from __future__ import annotations

try:
    from unichat.sandbox.answering import Answer, Library
    from unichat.sandbox.box import Sandbox, start
    from unichat.sandbox.errors import SandboxError
    from unichat.sandbox.recording import SeenRequest
    from unichat.sandbox.serving import PortError
    from unichat.sandbox.simulator import Simulator
    from unichat.sandbox.store import Store
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"unichat.sandbox needs {error.name}: pip install 'unichat-bridge[sandbox]'", name=error.name
    ) from error

__all__ = [
    "Answer",
    "Library",
    "PortError",
    "Sandbox",
    "SandboxError",
    "SeenRequest",
    "Simulator",
    "Store",
    "start",
]
