"""The config file: found, read, and checked for its structure; the settings of a profile are checked elsewhere."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat._text.printable import quoted, trimmed
from unichat.config.problems import Problem, as_error, unknown
from unichat.config.reading import Contents, read_small, user_path
from unichat.errors import ConfigError

FILE = "unichat.toml"
PYPROJECT = "pyproject.toml"
LIMIT = 1 << 20  # bytes: far more than anybody writes by hand


def _names(profiles: Mapping[str, Any]) -> str:
    return f"<{', '.join(profiles)}>"


@frozen(kw_only=True)
class Config:
    """A config file as it was written: nothing in it is resolved, so no secret is fetched.

    Attributes:
        path: the file; None if there is none.
        default: the profile that is used when none is named; None if the file names none.
        profiles: the profiles by name. Their values may be secrets written out: show the keys alone.
        readable_by_others: the file's permissions let its group or everybody read it.
        mode: the file's permission bits.
    """

    path: Path | None = None
    default: str | None = None
    profiles: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=_names)
    readable_by_others: bool = False
    mode: int = 0


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
        ConfigError: the file that was named is missing; or a file is unreadable, longer than 1 MiB, not UTF-8, not
            TOML, or has keys that do not belong there.
    """
    loaded, problems = read(config, environ=environ, cwd=cwd)
    # A frame that raises must not hold the contents, which a traceback with locals would show.
    path, result = loaded.path, None if problems else loaded
    del loaded, environ
    if result is None:
        raise as_error(problems, path=path)
    return result


def read(
    config: str | os.PathLike[str] | None, *, environ: Mapping[str, str], cwd: Path | None
) -> tuple[Config, list[Problem]]:
    """Do what `load` does, but return the problems: the caller may find more."""
    path, place = None, ""
    try:
        if config is None and (variable := environ.get("UNICHAT_CONFIG")):
            config, place = variable, "UNICHAT_CONFIG"
        if config is not None:
            path = user_path(config)
            contents = read_small(path, LIMIT)
            table = _table(path, contents)
            if table is None:
                return Config(path=path), [Problem(f"{path} has no table [tool.unichat]", key="config")]
            return _structured(path, contents, table)
        for path in _candidates(cwd):
            found = _found(path)
            if found is not None:
                return _structured(path, *found)
    except ConfigError as error:
        return Config(path=path), [Problem(error.message, place=place, hint=error.hint, key="config")]
    return Config(), []


def _candidates(cwd: Path | None) -> Iterator[Path]:
    try:
        start = (Path() if cwd is None else cwd).absolute()
    except OSError:
        # The working directory was deleted: there is nothing to search upwards from.
        folders: tuple[Path, ...] = ()
    else:
        folders = (start, *start.parents)
    for folder in folders:
        for name in (FILE, PYPROJECT):
            if _stands(folder / name):
                yield folder / name
    users = user_file()
    if _stands(users):
        yield users


def user_file() -> Path:
    """Return where the user's own config file is looked for last."""
    # Imported here, since most calls find a file before they come to this.
    from platformdirs import user_config_path

    return user_config_path("unichat", appauthor=False) / FILE


def _stands(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def _found(path: Path) -> tuple[Contents, Any] | None:
    if path.name == FILE:
        contents = read_small(path, LIMIT)
        return contents, _table(path, contents)
    # pyproject.toml belongs to other tools: only one that mentions unichat concerns us, broken or not.
    try:
        contents = read_small(path, LIMIT)
    except ConfigError:
        return None
    table = _table(path, contents) if b"unichat" in contents.data else None
    return None if table is None else (contents, table)


def _table(path: Path, contents: Contents) -> Any:
    """Return unichat's part of the file: all of it, or `[tool.unichat]`, or None where pyproject.toml has none."""
    whole = _parsed(path, contents.data)
    if path.name != PYPROJECT:
        return whole
    tools = whole.get("tool")
    return tools.get("unichat") if isinstance(tools, dict) else None


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"is not UTF-8 (line {line})"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        # TOMLDecodeError is one; a number of thousands of digits or an impossible date raises another.
        problem = f"is no valid TOML ({trimmed(str(error), 200)})"
    raise ConfigError(f"{path} {problem}")


def _structured(path: Path, contents: Contents, table: Any) -> tuple[Config, list[Problem]]:
    place = str(path) + (" [tool.unichat]" if path.name == PYPROJECT else "")
    if not isinstance(table, dict):
        return Config(path=path), [Problem("should be a table", place=place, key="config")]
    problems = [
        unknown("key", key, ("default", "profiles"), place=place, advice=_advice(key, table[key]))
        for key in table
        if key not in ("default", "profiles")
    ]
    profiles = table.get("profiles", {})
    if not isinstance(profiles, dict):
        problems.append(Problem("profiles should hold tables, such as [profiles.support]", place=place, key="profiles"))
        profiles = {}
    problems += [
        Problem(f"profile {quoted(name)} should be a table, such as [profiles.{name}]", place=place, key=name)
        for name, profile in profiles.items()
        if not isinstance(profile, dict)
    ]
    default = table.get("default")
    if "default" in table and not isinstance(default, str):
        problems.append(Problem("default should be a profile's name", place=place, key="default"))
        default = None
    elif default is not None and default not in profiles and "profiles" not in {p.key for p in problems}:
        problems.append(unknown("profile", default, profiles, place=f"{place}, default"))
    config = Config(
        path=path,
        default=default,
        profiles={name: profile for name, profile in profiles.items() if isinstance(profile, dict)},
        readable_by_others=contents.readable_by_others,
        mode=contents.mode,
    )
    return config, problems


def _advice(key: str, value: object) -> str:
    if isinstance(value, dict) and ("backend" in value or "url" in value):
        return f"a profile stands under profiles: [profiles.{key}]"
    return ""
