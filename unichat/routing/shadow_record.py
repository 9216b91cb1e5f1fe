"""The record of a shadow: a file that gets a line of JSON for each question that both sides were asked."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from unichat._text.log import log
from unichat._text.printable import format_value
from unichat.errors import UnichatError
from unichat.models import Answer


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

    One that cannot be written is a warning in the log, the first time and after each time that it could.

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
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # In one go, so that lines of several processes do not mix.
            before = os.fstat(file).st_size
            if os.write(file, data) < len(data):
                os.ftruncate(file, before)
                raise OSError("the disk is full")
        finally:
            os.close(file)
