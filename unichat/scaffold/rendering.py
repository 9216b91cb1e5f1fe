"""The templates, and how files are made of them.

A template is the text of a file with `$placeholders`, in `templates/`, under the path that the file will have: `NAME`
stands there for the adapter's name, and `.txt` at the end is left out, so that no tool takes a template for Python.
`%% streams`, `%% else` and `%% end`, each alone on a line, hold what is only for a vendor that streams, or for one that
does not.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

_SUFFIX = ".txt"
_ONLY_STREAMED = frozenset({"stream.py", "test_stream.py"})


def render(folders: tuple[str, ...], values: Mapping[str, str], *, streams: bool) -> dict[PurePosixPath, str]:
    """Return the files of a package, by their paths in it.

    Args:
        folders: of the templates.
        values: the placeholders' values; `name` is also that of `NAME` in a path.
        streams: whether the vendor streams.
    """
    rendered = {}
    for folder in folders:
        for path, template in _templates(files("unichat.scaffold") / "templates" / folder, PurePosixPath()):
            if streams or path.name not in _ONLY_STREAMED:
                target = PurePosixPath(*(part.replace("NAME", values["name"]) for part in path.parts))
                rendered[target] = string.Template(_select(template, streams=streams)).substitute(values)
    return dict(sorted(rendered.items()))


def _templates(folder: Traversable, under: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the templates of a folder and of those in it: their paths without the suffix, and their texts."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, under / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield under / entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")


def _select(template: str, *, streams: bool) -> str:
    """Return a template without what is for the other kind of vendor, and without the marks."""
    kept, is_kept = [], True
    for line in template.splitlines(keepends=True):
        match line.split():
            case ["%%", "streams"]:
                is_kept = streams
            case ["%%", "else"]:
                is_kept = not streams
            case ["%%", "end"]:
                is_kept = True
            case _:
                kept += [line] if is_kept else []
    return "".join(kept)
