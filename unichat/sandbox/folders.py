"""Finds the Markdown files below a folder, whatever links there are: each real file once, and none from elsewhere."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from unichat._text.printable import format_value

_log = logging.getLogger("unichat.sandbox")


def find_markdown(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the regular files `*.md` below `folder`: the path of each from there, with slashes, and where it is.

    Names that begin with `.` or `_` are skipped. A file or folder that has several names by links is found once, under
    its own name unless that is skipped. What is neither a file nor a folder, leads nowhere or out of `folder`, or
    cannot be read, is passed over with a warning.

    Raises:
        OSError: `folder` itself cannot be read.
    """
    top = Path(os.path.realpath(folder))
    found = {top}
    entries = deque(_list_entries(top, ""))
    links: deque[tuple[str, Path]] = deque()
    while entries or links:
        # Links come last: by then, what they lead to has been found under its own name, if it has one.
        is_link = not entries
        name, path = links.popleft() if is_link else entries.popleft()
        if path.is_symlink() and not is_link:
            links.append((name, path))
            continue
        real = Path(os.path.realpath(path))
        if real in found:
            continue
        found.add(real)
        try:
            problem = _find_problem(name, real, top)
            if problem:
                pass_over(name, problem)
            elif real.is_dir():
                entries += _list_entries(real, f"{name}/")
            elif is_markdown(name):
                yield name, real
        except OSError as error:
            pass_over(name, error.strerror or str(error))


def is_markdown(name: str) -> bool:
    """Whether a file of this name is a document."""
    return name.lower().endswith(".md")


def pass_over(name: str, problem: str) -> None:
    """Log that a file or folder is not read, and why."""
    _log.warning("docs: %s is passed over: %s", format_value(name), problem)


def warn_about(name: str, problem: str) -> None:
    """Log what is wrong with a file that is read all the same."""
    _log.warning("docs: %s: %s", format_value(name), problem)


def _list_entries(folder: Path, prefix: str) -> list[tuple[str, Path]]:
    return [(prefix + each.name, each) for each in sorted(folder.iterdir()) if not each.name.startswith((".", "_"))]


def _find_problem(name: str, real: Path, top: Path) -> str:
    """Return why what is called `name` is not read; empty if it is, or is none of the sandbox's business."""
    is_folder, exists = real.is_dir(), real.exists()
    # A link that leads nowhere may be meant for a folder, if its name has no suffix.
    if not (is_folder or is_markdown(name) or (not exists and not Path(name).suffix)):
        return ""
    if not exists:
        return "it is a link that leads nowhere"
    if not real.is_relative_to(top):
        return "it is a link out of the folder"
    if not is_folder and not real.is_file():
        return "it is not a regular file"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "its name is not UTF-8"
    return ""
