"""Reads the Markdown documents that the sandbox answers from."""

from __future__ import annotations

import codecs
import importlib.resources
import re
from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from unichat.sandbox.errors import SandboxError
from unichat.sandbox.folders import find_markdown, is_markdown, pass_over, warn_about
from unichat.sandbox.front_matter import split_front_matter


@frozen
class Document:
    """One Markdown file: its path in the folder (`guide/start.md`), and its text, with line feeds as line ends.

    `title` is the one that its front matter gives; empty without one.
    """

    name: str
    text: str
    title: str = ""


def read_documents(folder: str | Path | None = None) -> tuple[Document, ...]:
    """Return the Markdown files below `folder` (default: unichat's own docs), sorted by name.

    Which files these are, `find_markdown` says. UTF-16 needs its mark at the beginning;
    other bytes that are not UTF-8 become U+FFFD, with a warning.

    Raises:
        SandboxError: There is no such folder, it cannot be read, or it has no `*.md` file with text.
    """
    root = default_folder() if folder is None else Path(folder)
    try:
        if not root.is_dir():
            raise SandboxError(f"docs: {root} is not a folder; give a folder with Markdown files (*.md)")
        documents = tuple(sorted(_read_folder(root), key=lambda document: document.name))
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


def _read_folder(folder: Traversable) -> Iterator[Document]:
    files: Iterable[tuple[str, Traversable]]
    if isinstance(folder, Path):
        files = find_markdown(folder)
    else:
        # unichat's own pages in a zip, which has no links.
        files = [(each.name, each) for each in folder.iterdir() if is_markdown(each.name)]
    for name, file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            pass_over(name, error.strerror or str(error))
        else:
            yield _read_document(name, data)


def _read_document(name: str, data: bytes) -> Document:
    text = re.sub(r"\r\n?", "\n", _decode(name, data)).replace("\0", "\N{REPLACEMENT CHARACTER}")
    title, text = split_front_matter(text)
    return Document(name, text, title)


def _decode(name: str, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    text = data.decode("utf-8-sig", "replace")
    if "\N{REPLACEMENT CHARACTER}" in text and "\N{REPLACEMENT CHARACTER}".encode() not in data:
        warn_about(name, "it is not UTF-8, and what cannot be read of it is lost")
    return text
