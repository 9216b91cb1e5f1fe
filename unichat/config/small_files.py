"""Reads a small file, or reports in one line why it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.errors import ConfigError


@frozen
class FileContents:
    """What is in a file, and who can read it. The bytes may hold secrets, so they are not shown."""

    data: bytes = field(repr=False)
    readable_by_others: bool
    mode: int


def expand_user_path(text: str | os.PathLike[str]) -> Path:
    """Return `text` as a path, with `~` as the user's home.

    Raises:
        ConfigError: it is not a path, or there is no home.
    """
    try:
        return Path(text).expanduser()
    except TypeError:
        problem = f"a path is text, not {type(text).__name__}"
    except RuntimeError:
        problem = f"{format_value(str(text))}: the home folder is not known"
    raise ConfigError(problem)


def read_small_file(path: Path, limit: int) -> FileContents:
    """Return the contents of `path`.

    Raises:
        ConfigError: it is missing, a folder, unreadable, or longer than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            # The size is not asked for: it is 0 for files in /proc and pipes, and /dev/zero never ends.
            data = file.read(limit + 1)
    except FileNotFoundError:
        problem = "does not exist"
    except IsADirectoryError:
        problem = "is a folder, not a file"
    except (OSError, ValueError) as error:
        # ValueError: the path holds a NUL or a lone surrogate.
        problem = f"cannot be read ({getattr(error, 'strerror', None) or 'not a valid path'})"
    else:
        if len(data) <= limit:
            # Other systems use access lists, for which Python invents these bits.
            return FileContents(data, os.name == "posix" and bool(mode & 0o044), mode & 0o777)
        problem = f"is longer than {limit} bytes"
    raise ConfigError(f"{path} {problem}")
