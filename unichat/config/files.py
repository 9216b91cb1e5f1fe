"""Reads the config file. Its structure is checked in `structure`, a profile's settings in `validation`."""

from __future__ import annotations

import codecs
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unichat._text.printable import shorten
from unichat.config.problems import Problem, error_from_problems
from unichat.config.search import FILE_NAME, PYPROJECT, check_owners, find_candidates, find_similar
from unichat.config.small_files import FileContents, expand_user_path, read_small_file
from unichat.config.structure import Config, check_structure
from unichat.errors import ConfigError

SIZE_LIMIT = 1 << 20  # bytes: far more than anybody writes by hand


def load(
    config: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Config:
    """Find and read the config file; without one, the result has no path and no profiles.

    The file is `config`, or what `UNICHAT_CONFIG` names, or the first found from `cwd` upwards: `unichat.toml`, or
    `pyproject.toml` with a table `[tool.unichat]`; failing that, `unichat.toml` in the user's config folder.

    Raises:
        ConfigError: the file that was named is missing; another user could have written the one that was found; or a
            file is unreadable, longer than 1 MiB, not UTF-8, not TOML, or has unknown keys.
    """
    loaded, problems = read(config, environ=environ, cwd=cwd)
    # This frame must not hold the contents when it raises: a traceback with local variables would show them.
    path, result = loaded.path, None if problems else loaded
    del loaded, environ
    if result is None:
        raise error_from_problems(problems, path=path)
    return result


def read(
    config: str | os.PathLike[str] | None, *, environ: Mapping[str, str], cwd: Path | None
) -> tuple[Config, list[Problem]]:
    """Do what `load` does, but return the problems, to which the caller may add."""
    path, location = None, ""
    try:
        if config is None and (variable := environ.get("UNICHAT_CONFIG")):
            config, location = variable, "UNICHAT_CONFIG"
        if config is not None:
            path = expand_user_path(config)
            contents = read_small_file(path, SIZE_LIMIT)
            table = _unichat_table(path, contents)
            if table is None:
                return Config(path=path), [Problem(f"{path} has no table [tool.unichat]", key="config")]
            return check_structure(path, contents, table)
        for path in find_candidates(cwd):
            found = _read_candidate(path)
            if found is not None:
                return check_structure(path, *found)
    except ConfigError as error:
        return Config(path=path), [Problem(error.message, location=location, hint=error.hint, key="config")]
    return Config(similar=find_similar(cwd)), []


def _read_candidate(path: Path) -> tuple[FileContents, Any] | None:
    if path.name == FILE_NAME:
        check_owners(path)
        # To open a pipe would wait for somebody to write into it. One that is named is read.
        if not path.is_file() and not path.is_dir():
            raise ConfigError(f"{path} is not a regular file")
        contents = read_small_file(path, SIZE_LIMIT)
        return contents, _unichat_table(path, contents)
    # pyproject.toml belongs to other tools: unless it mentions unichat, it does not matter here if it is broken.
    if not path.is_file():
        return None
    try:
        contents = read_small_file(path, SIZE_LIMIT)
    except ConfigError:
        return None
    table = _unichat_table(path, contents) if b"unichat" in contents.data else None
    if table is None:
        return None
    check_owners(path)
    return contents, table


def _unichat_table(path: Path, contents: FileContents) -> Any:
    """Return unichat's part of the file: all of it, or `[tool.unichat]` of pyproject.toml (None if missing)."""
    whole = _parse_toml(path, contents.data)
    if path.name != PYPROJECT:
        return whole
    tools = whole.get("tool")
    return tools.get("unichat") if isinstance(tools, dict) else None


def _parse_toml(path: Path, data: bytes) -> dict[str, Any]:
    hint = ""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"is not UTF-8 (line {line})"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        # TOMLDecodeError is a ValueError; a number of thousands of digits or an impossible date raises a plain one.
        problem = f"is not valid TOML ({shorten(str(error), 200)})"
    if encoding := _wide_encoding(data):
        writer = ", as Windows PowerShell writes with >" if encoding == "UTF-16" else ""
        problem, hint = f"is {encoding}{writer}", "Save it as UTF-8."
    raise ConfigError(f"{path} {problem}", hint=hint)


def _wide_encoding(data: bytes) -> str:
    """Return the encoding of text that takes two or four bytes for each character; empty for any other."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    # Without a mark at the beginning, every other byte of mostly ASCII text is 0.
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or data.count(0) * 3 > len(data):
        return "UTF-16"
    return ""
