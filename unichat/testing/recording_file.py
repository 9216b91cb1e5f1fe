"""The file of a recording: JSON Lines, an exchange a line, each with the version of the format."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.errors import ConfigError

VERSION = 1
_ESCAPED = re.compile("[\x85\u2028\u2029\ud800-\udfff]")
"""What JSON leaves as it is, but a reader may take for the end of a line, or UTF-8 cannot carry."""

_KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object", list: "an array"}


@frozen
class Exchange:
    """One request and what came of it.

    Attributes:
        operation: the vendor's, by its name.
        arguments: what it was given, without what the settings fill in.
        outcome: an answer (`status`, `headers`, `body`), a streamed one (`chunks` instead of `body`, `delimited`, and
            in `failure` how it broke), or a `failure` alone.
    """

    operation: str
    arguments: Mapping[str, Any]
    outcome: Mapping[str, Any] = field(repr=False)

    def to_line(self) -> str:
        """Return the exchange as a line of the file."""
        value = {"version": VERSION, "operation": self.operation, "arguments": self.arguments, "outcome": self.outcome}
        text = json.dumps(value, ensure_ascii=False)
        return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def read_exchanges(path: Path) -> list[Exchange]:
    """Return the exchanges of a file; none if there is no such file.

    Raises:
        ConfigError: it cannot be read, is not a recording, or is of another version.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"the recording {format_value(str(path))} cannot be read: {error}", key="path") from None
    return [_read_exchange(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _read_exchange(path: Path, number: int, line: str) -> Exchange:
    where = f"the recording {format_value(str(path))}, line {number}"
    try:
        value = json.loads(line)
        version = value["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ConfigError(
            f"{where}: this is not an exchange", key="path", hint="Delete the line, or record the file anew."
        ) from None
    # JSON's 1.0 and true equal 1.
    if type(version) is not int or version != VERSION:
        raise ConfigError(
            f"{where}: its version is {format_value(version)}, and this unichat reads version {VERSION}",
            key="path",
            hint="Delete the file and record it anew, or use the unichat that made it.",
        )
    problem = _find_problem(value)
    if problem is not None:
        raise ConfigError(f"{where}: {problem}", key="path", hint="Delete the line, or record the file anew.")
    return Exchange(value["operation"], value["arguments"], value["outcome"])


def _find_problem(value: Mapping[str, Any]) -> str | None:
    """Return what is missing from an exchange or has another type, in words."""
    problem = _check_members(value, {"operation": str, "arguments": dict, "outcome": dict})
    if problem is not None:
        return problem
    outcome = value["outcome"]
    if "status" in outcome:
        members: dict[str, type] = {"status": int, "headers": dict}
        if "chunks" in outcome:
            members |= {"chunks": list, "delimited": bool}
        elif "json" not in outcome:
            members |= {"body": str}
        problem = _check_members(outcome, members)
        if problem is None and not all(isinstance(text, str) for text in outcome["headers"].values()):
            problem = "a value in its headers is not a text"
        if problem is None and not all(isinstance(text, str) for text in outcome.get("chunks", ())):
            problem = "one of its chunks is not a text"
        if problem is None and not isinstance(outcome.get("cut"), str | None):
            problem = "its cut is not a text"
    elif "failure" not in outcome:
        problem = "its outcome has neither 'status' nor 'failure'"
    if problem is None and "failure" in outcome:
        problem = _check_members(outcome, {"failure": dict})
        problem = problem or _check_members(outcome["failure"], {"kind": str, "phase": str})
        if problem is None and not isinstance(outcome["failure"].get("delivered"), bool | None):
            problem = "whether its failure was delivered is neither true, false nor null"
        if problem is None and outcome["failure"].keys() != {"kind", "delivered", "phase"}:
            problem = "its failure has other members than 'kind', 'delivered' and 'phase'"
    return problem


def _check_members(value: Mapping[str, Any], members: Mapping[str, type]) -> str | None:
    for name, kind in members.items():
        if name not in value:
            return f"it has no {name!r}"
        if not isinstance(value[name], kind) or (kind is int and isinstance(value[name], bool)):
            return f"its {name!r} is {format_value(value[name])}, and not {_KINDS[kind]}"
    return None


def begin_file(path: Path) -> None:
    """Take away what an older recording left there.

    Raises:
        ConfigError: it cannot be taken away, such as a folder.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _write_error(path, error) from None


def append_exchange(path: Path, exchange: Exchange, redact: Callable[[str], str]) -> None:
    """Add an exchange to a file, which only its owner can read if it is new; `redact` takes out the client's secrets.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - it has the mode
            file.write(redact(exchange.to_line()))
    except OSError as error:
        raise _write_error(path, error) from None


def _write_error(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the recording {format_value(str(path))} cannot be written: {error.strerror}",
        key="path",
        hint="Give a file in a folder that exists and can be written to.",
    )
