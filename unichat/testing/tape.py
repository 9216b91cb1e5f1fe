"""What a recording has: finds the exchange of a request, and says what is nearest where there is none."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from attrs import define, field

from unichat.adapter import Endpoints, Reply
from unichat.testing.people import People
from unichat.testing.recording_file import Exchange, append_exchange
from unichat.transport.base import HttpRequest

Mode = Literal["auto", "replay", "record"]
MODES: tuple[Mode, ...] = ("auto", "replay", "record")


class RecordingMissing(AssertionError):
    """A recording has no exchange like this. Not a `UnichatError`: no bot takes it for a vendor's failure."""


@define
class Tape:
    """What was recorded, and what is recorded now. Safe to share between threads."""

    endpoints: Endpoints
    path: Path
    mode: Mode
    people: People
    exchanges: list[Exchange]
    redact: Callable[[str], str]
    _used: set[int] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def find(self, request: HttpRequest) -> Mapping[str, Any] | None:
        """Return the outcome that was recorded for a request; None if it is to be sent.

        Raises:
            RecordingMissing: nothing is sent, and there is none.
        """
        operation, arguments = self._describe(request)
        with self._lock:
            for number, exchange in enumerate(self.exchanges):
                if number not in self._used and (exchange.operation, exchange.arguments) == (operation, arguments):
                    self._used.add(number)
                    return exchange.outcome
        if self.mode == "replay":
            raise RecordingMissing(self._explain_miss(operation, arguments))
        return None

    def keep(self, request: HttpRequest, outcome: Mapping[str, Any]) -> None:
        """Write down what came of a request."""
        operation, arguments = self._describe(request)
        with self._lock:
            append_exchange(self.path, Exchange(operation, arguments, outcome), self.redact)

    def is_error(self, reply: Reply) -> bool:
        """Return whether an answer reports an error, as the adapter reads it."""
        if not 200 <= reply.status < 300:
            return True
        # What is wrong with an adapter is said where the answer is read.
        with suppress(Exception):
            return self.endpoints.detect_error(reply) is not None
        return False

    def _describe(self, request: HttpRequest) -> tuple[str, dict[str, Any]]:
        """Return the operation's name and its arguments, without what the settings fill in."""
        path, _, query = request.target.partition("?")
        arguments: dict[str, Any] = {}
        operation, from_settings = f"{request.method} {path}", frozenset[str]()
        for endpoint in self.endpoints:
            found = _path_pattern(endpoint.path).fullmatch(path)
            if found is not None and endpoint.method == request.method:
                operation, from_settings = endpoint.name, frozenset(endpoint.from_settings)
                arguments |= {name: unquote(value) for name, value in found.groupdict().items()}
                break
        for name, value in parse_qsl(query, keep_blank_values=True):
            arguments[name] = [*arguments[name], value] if isinstance(arguments.get(name), list) else (
                value if name not in arguments else [arguments[name], value]
            )  # fmt: skip
        body = _decode_body(request.body)
        arguments |= body if isinstance(body, dict) else {} if body is None else {"body": body}
        return operation, self.people.hide_request(
            {name: value for name, value in arguments.items() if name not in from_settings}
        )

    def _explain_miss(self, operation: str, arguments: Mapping[str, Any]) -> str:
        shown = _format_call(operation, arguments)
        if not self.exchanges:
            return (
                f"the recording {self.path} has no exchange, and this was asked: {shown}. Record it with mode='auto'."
            )
        nearest = max(
            self.exchanges,
            key=lambda each: (
                each.operation == operation,
                SequenceMatcher(None, _format_call(each.operation, each.arguments), shown).ratio(),
            ),
        )
        if (nearest.operation, nearest.arguments) == (operation, arguments):
            difference = "it was replayed already, as often as it was recorded"
        elif nearest.operation != operation:
            difference = f"the nearest recording is of {nearest.operation}: {_format_call('', nearest.arguments)}"
        else:
            difference = f"the nearest recording differs in {_difference(nearest.arguments, arguments)}"
        return (
            f"the recording {self.path} does not have {shown}: {difference}. Record it with mode='auto', or the whole "
            "file anew with mode='record'."
        )


def _path_pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def _decode_body(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _format_call(operation: str, arguments: Mapping[str, Any]) -> str:
    named = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(arguments.items()))
    return f"{operation}({named})"


def _difference(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    def show(values: Mapping[str, Any], name: str) -> str:
        return json.dumps(values[name], ensure_ascii=False) if name in values else "nothing"

    return "; ".join(
        f"{name}: {show(recorded, name)} there, {show(asked, name)} here"
        for name in sorted({*recorded, *asked})
        if recorded.get(name) != asked.get(name) or (name in recorded) != (name in asked)
    )
