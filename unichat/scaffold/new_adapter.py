"""`new_adapter`: the package of a new adapter, in a folder, all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import unichat
from unichat._text.printable import format_value
from unichat.errors import InvalidInput
from unichat.scaffold.names import check_name, name_values
from unichat.scaffold.rendering import render

Api = Literal["plain", "openai"]
"""What the invented vendor's API is like: one of its own, or OpenAI's chat completions."""
APIS: tuple[Api, ...] = get_args(Api)


def new_adapter(
    name: str, folder: str | os.PathLike[str], *, streams: bool = False, api: Api = "plain"
) -> tuple[Path, ...]:
    """Write the package of a new adapter, `unichat-NAME`, and return the paths of its files.

    It has an adapter, a simulator, tests with the suite for adapters, and entry points, and passes its tests as it is.

    Args:
        name: the adapter's name for `connect` and in profiles: lower-case letters, digits and single underscores, at
            most 30 characters.
        folder: where to; it must be missing or empty. Folders above it are made, too.
        streams: whether the vendor streams its answers.
        api: `"plain"` for a vendor with an API of its own, `"openai"` for one with OpenAI's chat completions.

    Raises:
        InvalidInput: the name is not valid, or taken; the folder is not empty, or cannot be written to. Nothing is
            left of what was written.
    """
    if api not in APIS:
        raise InvalidInput(
            f"api is {format_value(api)}", hint="Use plain or openai.", argument="api", value=format_value(api)
        )
    values = {**name_values(check_name(name)), "version": unichat.__version__}
    path = _check_folder(folder)
    return _write(path, render(("common", api), values, streams=streams))


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the path of a folder that is missing or empty."""
    if not str(folder).strip():
        raise _error(folder, "has no name", "Name one; . is the one that you are in.")
    path = Path(folder)
    try:
        first = next(iter(sorted(path.iterdir())), None)
    except FileNotFoundError:
        return path
    except NotADirectoryError:
        first, problem = None, "is a file, or below one"
    except (OSError, ValueError) as error:
        problem = f"cannot be read ({_reason(error)})"
    else:
        if first is None:
            return path
        problem = f"is not empty: it has {format_value(first.name)}"
    raise _error(folder, problem, "Name one that is missing or empty.")


def _write(folder: Path, files: Mapping[PurePosixPath, str]) -> tuple[Path, ...]:
    """Write files below a folder, and make the folders that are missing. If that fails, remove all of it again."""
    made: list[Path] = []
    written: list[Path] = []
    done, problem = False, ""
    try:
        for path, text in files.items():
            target = folder / path
            for parent in reversed([target.parent, *target.parent.parents]):
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            written.append(target)
            with target.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        done = True
    except OSError as error:
        problem = _reason(error)
    finally:
        # Also after Ctrl-C.
        if not done:
            _remove(written, made)
    if problem:
        # Not within the handler: a reader of the traceback need not see two errors.
        raise _error(folder, f"cannot be written to ({problem})", "Name another one, or change that.")
    return tuple(written)


def _remove(files: list[Path], folders: list[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _error(folder: object, problem: str, hint: str) -> InvalidInput:
    shown = format_value(os.fspath(folder) if isinstance(folder, os.PathLike) else folder)
    return InvalidInput(f"the folder {shown} {problem}", hint=hint, argument="folder", value=shown)
