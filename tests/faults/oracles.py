"""What must hold after every call, whatever the fault: no secret anywhere, nothing foreign, nothing left open."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import logging
import os
import pickle
import traceback
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.faults.neutral import CORE, SECRET
from unichat.errors import UnichatError
from unichat.record import CallRecord

_HERE = str(Path(__file__).parent)
_DESCRIPTORS = "/proc/self/fd"


def _in_base64(text: str) -> set[str]:
    # What stands before it moves it by up to two bytes within the groups of three; the cut ends depend on neighbours.
    shifted = (base64.b64encode(b"\0" * shift + text.encode()).decode() for shift in range(3))
    return {encoded[4:-4] for encoded in shifted}


FORMS: frozenset[str] = frozenset(
    {CORE, SECRET, quote(SECRET), quote_plus(SECRET, safe=""), json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1]}
    | _in_base64(SECRET)
    | _in_base64(CORE)
)
"""Every way that the key could be written down: raw, percent-encoded, JSON-escaped, base64."""


def secrets_in(text: str) -> list[str]:
    """The forms of the key that `text` holds."""
    return sorted(form for form in FORMS if form in text)


class LogCapture(logging.Handler):
    """All log records of the process, at DEBUG: urllib3's included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __enter__(self) -> LogCapture:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)

    def text(self, least: int = logging.DEBUG) -> str:
        """The records from `least` upwards, formatted, with their tracebacks."""
        formatter = logging.Formatter("%(name)s %(message)s")
        return "\n".join(formatter.format(record) for record in self.records if record.levelno >= least)


def _traceback(error: BaseException) -> str:
    """The traceback with the locals of every frame but the bench's own, which hold the key by right."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
    lines: list[str] = []
    for part in _chain(whole):
        for frame in part.stack:
            if not frame.filename.startswith(_HERE):
                lines += [frame.name, *(f"{name}={value}" for name, value in (frame.locals or {}).items())]
        lines += part.format_exception_only()
    return "\n".join(lines)


def _chain(part: traceback.TracebackException | None) -> Iterable[traceback.TracebackException]:
    while part is not None:
        yield part
        part = part.__cause__ or part.__context__


def check_error(error: BaseException) -> None:
    """Nothing but ours gets out, with nothing foreign in it, and it prints, copies and pickles without the key."""
    assert isinstance(error, UnichatError), f"a {type(error).__name__} got out"
    assert error.__cause__ is None or isinstance(error.__cause__, UnichatError)
    assert error.__context__ is None or isinstance(error.__context__, UnichatError)
    pickled = pickle.dumps(error)
    for same in (pickle.loads(pickled), copy.copy(error)):
        assert (type(same), str(same), same.call) == (type(error), str(error), error.call)
    shown = "\n".join([str(error), repr(error), repr(vars(error)), pickled.decode("latin-1"), _traceback(error)])
    assert not secrets_in(shown), f"the error shows {secrets_in(shown)}"
    assert "\n" not in str(error)
    assert str(error).isprintable()
    assert error.hint, f"no advice: {error}"
    record = error.call
    if record is not None:
        assert (record.maybe_delivered, record.retryable) == (error.maybe_delivered, error.retryable)
        assert record.retry_after == error.retry_after
        assert record.stopped_by is not None
        # Without an attempt there is no phase; with one there always is.
        assert bool(record.phase) >= bool(record.attempts), record


def check_log(log: LogCapture, nonce: str) -> None:
    """No key in the log at DEBUG, and no question from INFO upwards."""
    found = secrets_in(log.text())
    assert not found, f"the log shows {found}"
    assert nonce not in log.text(logging.INFO), "the log shows the question"


class Observer:
    """A hook that remembers how each operation ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.attempts = 0
        self.ended: list[tuple[CallRecord, BaseException | None]] = []

    def started(self, record: CallRecord) -> None:
        self.begun.append(record.call_id)

    def attempted(self, record: CallRecord) -> None:
        self.attempts += 1

    def finished(self, record: CallRecord, error: BaseException | None) -> None:
        self.ended.append((record, error))

    def check_given_up(self, error: type[BaseException]) -> None:
        """Each operation was told to begin and to end, and each attempt once; the last was given up for `error`."""
        assert self.begun == [record.call_id for record, _ in self.ended]
        assert self.attempts == sum(len(record.attempts) for record, _ in self.ended)
        record, ended_by = self.ended[-1]
        assert (type(ended_by), record.stopped_by) == (error, "cancelled")
        assert record.maybe_delivered is bool(record.attempts)


def open_sockets() -> frozenset[str]:
    """The sockets that this process holds, by the kernel's number; none where the system does not tell."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        # Thousands of times in a run: os takes a fifth of the time that pathlib takes.
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"{_DESCRIPTORS}/{name}"))  # noqa: PTH115
    return frozenset(name for name in found if name.startswith("socket:"))
