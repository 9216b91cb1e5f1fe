"""The record of a shadow: a file that gets a line of JSON for each question that both sides were asked."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from attrs import frozen

from unichat._text.log import log
from unichat._text.printable import format_value
from unichat.errors import UnichatError
from unichat.models import Answer

# As bytes: Windows would write other ends of lines.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_LOCKED_BYTE = 2**31 - 2
"""One that no record will have: on Windows, whoever holds it may append."""


@frozen(eq=False)
class Side:
    """What one side said.

    Attributes:
        profile: its name.
        answer: None where it failed.
        error: why.
        seconds: that it took.
    """

    profile: str
    answer: Answer | None
    error: UnichatError | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        answer = self.answer
        return {
            "profile": self.profile if answer is None else answer.profile or self.profile,
            "text": None if answer is None else answer.text,
            "sources": [] if answer is None else [{"url": each.url, "title": each.title} for each in answer.sources],
            "seconds": round(self.seconds, 3),
            "error": None if self.error is None else str(self.error),
        }


def format_line(at: datetime, question: str, primary: Side, other: Side) -> str:
    """Return the line of a pair, without its end."""
    pair: Mapping[str, Any] = {
        "at": at.isoformat(),
        "question": question,
        "primary": primary.as_json(),
        "other": other.as_json(),
    }
    return json.dumps(pair, ensure_ascii=False)


class ShadowRecord:
    """Appends whole lines to a file, which is made for its owner only: it tells what people asked.

    Several processes may append to one file: each line is one write, and nothing is ever taken back. What a full disk
    cuts off stays on a line of its own. A file that cannot be written is a warning in the log, the first time and after
    each time that it could.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._has_failed = False

    def append(self, line: str) -> None:
        """Append a line."""
        data = line.encode("utf-8", "replace") + b"\n"
        problem = ""
        with self._lock:
            try:
                self._write(data)
            except OSError as error:
                problem = error.strerror or str(error)
            says_so, self._has_failed = bool(problem) and not self._has_failed, bool(problem)
        if says_so:
            log.warning("the record of a shadow, %s, cannot be written: %s", format_value(self.path), problem)

    def _write(self, data: bytes) -> None:
        file = os.open(self.path, _FLAGS, 0o600)
        try:
            with _exclude_other_processes(file):
                line = data if _is_whole(file) else b"\n" + data
                # In one go: where the end is and what is written there are one step.
                if os.write(file, line) < len(line):
                    raise OSError("the disk is full")
        finally:
            os.close(file)


def _is_whole(file: int) -> bool:
    """Whether a file's last line has its end, as far as there is one."""
    if not os.fstat(file).st_size:
        return True
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1) == b"\n"


if sys.platform == "win32":

    @contextmanager
    def _exclude_other_processes(file: int) -> Iterator[None]:
        """Let no other process append meanwhile: there, to find the end and to write there are two steps."""
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:

    @contextmanager
    def _exclude_other_processes(file: int) -> Iterator[None]:
        """Let no other process append meanwhile: half a line of theirs would look as if it had been cut off."""
        import fcntl

        # Some file systems have no locks: then a line may come after an empty one.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)
