"""Kapa, as far as it takes to answer and to stream; and what became of a call."""

from __future__ import annotations

import json
from typing import Any

from unichat.errors import UnichatError
from unichat.testing import CannedStream, json_answer
from unichat.transport.base import HttpRequest

KAPA = {"api_key": "key", "project_id": "9ec8a81a-31b2-4a83-bcd8-cef9150932d2"}
ANSWER = {
    "answer": "Yes.",
    "thread_id": "0a6bbd40-5c2c-4b7a-8a4f-2d9b6f1c7e55",
    "question_answer_id": "d0f1c6f4-9a43-4a0b-8c52-0e6f4c4f7a11",
}


def vendor(request: HttpRequest) -> Any:
    if not request.target.endswith("/stream/"):
        return json_answer(ANSWER)
    identifiers = {key: value for key, value in ANSWER.items() if key != "answer"}
    contents = [("partial_answer", {"text": "Ye"}), ("partial_answer", {"text": "s."}), ("identifiers", identifiers)]
    return CannedStream([record(kind, content) for kind, content in contents])


def record(kind: str, content: dict[str, str]) -> bytes:
    chunk = {"type": kind, "content": content, "stream_end": kind == "identifiers"}
    return json.dumps({"chunk": chunk}).encode() + "\u241e".encode()


def outcome(bot: Any, call: str) -> Any:
    """The text of the answer, or what its error says for programs."""
    try:
        if call == "chat":
            return bot.chat("How?").text
        with bot.stream("How?") as pieces:
            return "".join(piece.text for piece in pieces)
    except UnichatError as error:
        return type(error).__name__, getattr(error, "kind", None), error.maybe_delivered, error.status
