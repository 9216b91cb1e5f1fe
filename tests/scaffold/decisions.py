"""The decisions that are marked in new packages, as the table of docs/new-adapter.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.scaffold.kinds import KINDS
from unichat.scaffold.names import name_values
from unichat.scaffold.rendering import render

SECTIONS: Mapping[str, str] = {
    "settings": "settings-and-hints-in-the-words-of-each-face",
    "identity": "write-the-adapter",
    "fields": "model-the-vendors-json",
    "thread": "check-users-and-threads",
    "errors": "errors-what-only-the-adapter-knows",
    "error codes": "errors-what-only-the-adapter-knows",
    "replay": "read-the-vendors-reference-first",
    "paging": "lists-pages-lists-within-lists-oldest-first",
    "stream": "relay-a-stream",
    "stream errors": "relay-a-stream",
    "stream end": "relay-a-stream",
    "capabilities": "say-what-the-vendor-can-do",
    "credential": "no-key-several-headers-or-a-signature",
    "probes": "write-the-adapter",
    "arguments": "check-users-and-threads",
    "users": "check-users-and-threads",
    "conversation": "conversations-of-a-vendor-that-keeps-none",
    "ratings": "check-users-and-threads",
    "history": "say-what-the-vendor-can-do",
    "order": "lists-pages-lists-within-lists-oldest-first",
    "clearing": "say-what-the-vendor-can-do",
    "simulator": "write-the-simulator",
}
"""Where docs/adding-an-adapter.md says more, by decision."""
_MARK = re.compile(r"# DECIDE\((?P<name>[a-z ]+)\): (?P<text>.*(?:\n *# (?!DECIDE).*)*)")


def decisions() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Return the question of each decision, and in which files it is marked."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for file, name, question in _marks():
        before = found.get(name, (question, frozenset()))
        assert before[0] == question, f"two questions of {name}: {before[0]} {question}"
        found[name] = (question, before[1] | {file})
    return found


def _marks() -> Iterator[tuple[str, str, str]]:
    values = {**name_values("acme"), "version": "0"}
    for kind in KINDS.values():
        for path, text in render(("common", kind["api"]), values, streams=kind["streams"]).items():
            for mark in _MARK.finditer(text):
                whole = re.sub(r"\n *# ", " ", mark["text"])
                yield path.name, mark["name"], whole.partition("?")[0] + "?"


def table() -> str:
    """Return the table."""
    found = decisions()
    lines = ["| Decision | Marked in | Question |", "| --- | --- | --- |"]
    for name, section in SECTIONS.items():
        question, files = found[name]
        where = ", ".join(f"`{file}`" for file in sorted(files))
        shown = (question[0].upper() + question[1:]).replace("acme://IDENTITY", "`acme://IDENTITY`")
        lines.append(f"| [{name}](adding-an-adapter.md#{section}) | {where} | {shown} |")
    return "\n".join(lines)
