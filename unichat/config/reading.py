"""Reads a small file, or says in one line why it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import field, frozen

from unichat._text.printable import quoted
from unichat.errors import ConfigError


@frozen
class Contents:
    """What a file held, and who can read it. The bytes are not shown: they may hold secrets."""

    data: bytes = field(repr=False)
    readable_by_others: bool
    mode: int


def user_path(text: str | os.PathLike[str]) -> Path:
    """Return `text` as a path, with `~` as the user's home.

    Raises:
        ConfigError: it is no path, or there is no home.
    """
    try:
        return Path(text).expanduser()
    except TypeError:
        problem = f"a path is text, not {type(text).__name__}"
    except RuntimeError:
        problem = f"{quoted(str(text))}: the home folder is not known"
    raise ConfigError(problem)


def read_small(path: Path, limit: int) -> Contents:
    """Return what is in `path`.

    Raises:
        ConfigError: it is missing, a folder, unreadable, or longer than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            # Read, not measured: the size of /proc files and pipes is 0, and that of /dev/zero has no end.
            data = file.read(limit + 1)
    except FileNotFoundError:
        problem = "does not exist"
    except IsADirectoryError:
        problem = "is a folder, not a file"
    except (OSError, ValueError) as error:
        # ValueError: the path holds a NUL or a lone surrogate.
        problem = f"cannot be read ({getattr(error, 'strerror', None) or 'no valid path'})"
    else:
        if len(data) <= limit:
            # Other systems have access lists instead of these bits, and Python makes the bits up there.
            return Contents(data, os.name == "posix" and bool(mode & 0o044), mode & 0o777)
        problem = f"is longer than {limit} bytes"
    raise ConfigError(f"{path} {problem}")
