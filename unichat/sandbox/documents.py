"""Finds and reads the Markdown documents that the sandbox answers from."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from unichat.sandbox.errors import SandboxError

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@frozen
class Document:
    """One Markdown file: its path in the folder (`guide/start.md`), and its text, with line feeds as line ends."""

    name: str
    text: str


def read_documents(folder: str | Path | None = None) -> tuple[Document, ...]:
    """Return the Markdown files below `folder` (default: unichat's own docs), sorted by name.

    Names that begin with `.` or `_` are skipped, since Sphinx and git keep their own files there. Bytes that are not
    UTF-8 become U+FFFD.

    Raises:
        SandboxError: There is no such folder, it cannot be read, or it has no `*.md` file with text.
    """
    root = default_folder() if folder is None else Path(folder)
    if not root.is_dir():
        raise SandboxError(f"docs: {root} is not a folder; give a folder with Markdown files (*.md)")
    try:
        documents = tuple(sorted(_read_folder(root, ""), key=lambda document: document.name))
    except OSError as error:
        raise SandboxError(f"docs: cannot read {root}: {error.strerror}; give a readable folder") from error
    if not any(document.text.strip() for document in documents):
        raise SandboxError(f"docs: {root} has no Markdown file (*.md) with text in it; put at least one there")
    return documents


def default_folder() -> Traversable:
    """Return unichat's own docs: the package data where it is installed, `docs/` in a checkout."""
    installed = importlib.resources.files("unichat.sandbox") / "docs"
    # An editable install runs from the checkout, where the pages are only in `docs/`.
    return installed if installed.is_dir() else Path(__file__).parents[2] / "docs"


def _read_folder(folder: Traversable, prefix: str) -> Iterator[Document]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _read_folder(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".md"):
            text = re.sub(r"\r\n?", "\n", entry.read_bytes().decode("utf-8-sig", "replace"))
            yield Document(prefix + entry.name, _FRONT_MATTER.sub("", text).replace("\0", "\N{REPLACEMENT CHARACTER}"))
