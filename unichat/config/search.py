"""Where the config file is searched for, and whether one that was found may be used.

The settings of a config file say where the key of the environment is sent. A file that the user names is the user's
choice. One that is found may be a stranger's, left in a folder that several users share, so it is used only if nobody
but the user and root could have put it there: the file, what a link leads to, and the folders of both are looked at.
The right of a group to write is a choice of the user's too, and is not looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from unichat._text.templates import Argument, Template
from unichat.errors import ConfigError

FILE_NAME = "unichat.toml"
PYPROJECT = "pyproject.toml"


def find_candidates(cwd: Path | None) -> Iterator[Path]:
    """Yield the files that may be the config file, in the order in which they are tried."""
    for folder in _list_folders(cwd):
        for name in (FILE_NAME, PYPROJECT):
            if _exists(folder / name):
                yield folder / name
    users = user_file()
    if users is not None and _exists(users):
        yield users


def find_similar(cwd: Path | None) -> Path | None:
    """Return a file that was probably meant to be the config file, where there is none; None if no name is similar."""
    # Imported here, since most calls find a file.
    from unichat.config.similar_files import find_similar_name

    users = user_file()
    folders = _list_folders(cwd) if users is None else (*_list_folders(cwd), users.parent)
    return find_similar_name(FILE_NAME, folders)


def _list_folders(cwd: Path | None) -> tuple[Path, ...]:
    try:
        start = (Path() if cwd is None else cwd).absolute()
    except OSError:
        # The working directory was deleted, so there is nowhere to search from.
        return ()
    return (start, *start.parents)


def user_file() -> Path | None:
    """Return the path of the user's own config file, which is tried last; None if the user has no home."""
    # Imported here, since most calls find a file earlier.
    from platformdirs import user_config_path

    try:
        path = user_config_path("unichat", appauthor=False) / FILE_NAME
    except RuntimeError:
        return None
    # Older releases of platformdirs return `~/.config` as it is where there is no home.
    return path if path.is_absolute() else None


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def check_owners(path: Path) -> None:
    """Refuse a file that was found and that another user could have written.

    Raises:
        ConfigError: the file, what it links to, or a folder of these belongs to neither the user nor root, or everybody
            may write to it. A folder in which users can remove only files of their own (sticky, as `/tmp`) is fine.
    """
    # Other systems use access lists, which say nothing in these terms.
    if not hasattr(os, "geteuid"):
        return
    problem = ""
    try:
        problem = _find_stranger(path, {os.geteuid(), 0})
    except OSError:
        # Reading the file then fails for the same reason, and says it.
        return
    if problem:
        raise ConfigError(
            f"{path} was found, not named, and is not used since {problem}",
            hint=Template(
                "If you trust it, name it with ", Template(Argument("config"), " or "), f"UNICHAT_CONFIG={path}."
            ),
        )


def _find_stranger(path: Path, trusted: set[int]) -> str:
    """Return who else could have written the file, in words that follow "since"; empty if nobody."""
    target = Path(os.path.realpath(path))
    link, file = path.lstat(), target.lstat()
    if link.st_uid not in trusted:
        return f"another user owns it (user id {link.st_uid})"
    if file.st_uid not in trusted:
        return f"another user owns {target}, which it links to (user id {file.st_uid})"
    if file.st_mode & stat.S_IWOTH:
        return f"everybody may write to {'it' if target == path else target} (mode {stat.S_IMODE(file.st_mode):04o})"
    for folder in dict.fromkeys((path.parent, target.parent)):
        status = folder.stat()
        if status.st_mode & stat.S_ISVTX:
            continue
        if status.st_uid not in trusted:
            return f"another user owns its folder {folder} (user id {status.st_uid})"
        if status.st_mode & stat.S_IWOTH:
            return f"everybody may write to its folder {folder} (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""
