"""Simulated vendors over real HTTP on loopback: try a bot, and test it, without an account.

    with unichat.sandbox.start() as box:
        client = unichat.connect("kapa", **box.settings("kapa"))

Needs the extra `sandbox`. The simulators search a folder of Markdown and answer with quotes from it.
"""

from __future__ import annotations

try:
    from unichat.sandbox.answers import Answer, Library, split_for_stream
    from unichat.sandbox.documents import Document
    from unichat.sandbox.errors import SandboxError
    from unichat.sandbox.json_bodies import (
        InvalidJson,
        dump_json,
        find_unstorable,
        json_response,
        parse_content_type,
        read_json,
    )
    from unichat.sandbox.passages import Passage
    from unichat.sandbox.sandbox import Sandbox, installed_simulators, start
    from unichat.sandbox.seen_requests import SeenRequest
    from unichat.sandbox.servers import PortError
    from unichat.sandbox.simulator import Simulator
    from unichat.sandbox.store import Store
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"unichat.sandbox needs {error.name}: pip install 'unichat-bridge[sandbox]'", name=error.name
    ) from error

__all__ = [
    "Answer",
    "Document",
    "InvalidJson",
    "Library",
    "Passage",
    "PortError",
    "Sandbox",
    "SandboxError",
    "SeenRequest",
    "Simulator",
    "Store",
    "dump_json",
    "find_unstorable",
    "installed_simulators",
    "json_response",
    "parse_content_type",
    "read_json",
    "split_for_stream",
    "start",
]
