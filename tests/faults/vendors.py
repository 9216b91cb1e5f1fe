"""A minimal stub of each vendor, made from its reference and not from the project's simulators.

Each gives the good answer to any neutral operation, with the question's nonce in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.faults.server import HttpMessage
from tests.vendors import BOT as BOT
from tests.vendors import PROJECT as PROJECT

THREAD = "0a6bbd40-5c2c-4b7a-8a4f-2d9b6f1c7e55"
QUESTION_ANSWER = "d0f1c6f4-9a43-4a0b-8c52-0e6f4c4f7a11"
SEPARATOR = "\u241e".encode()


def http(status: int, body: bytes, **headers: str) -> bytes:
    """An answer with a length. A header's name has underscores for hyphens; an empty value leaves it out."""
    fields = {"content_type": "application/json", "content_length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} Status"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encode_chunks(pieces: list[bytes], status: int = 200, **headers: str) -> bytes:
    """An answer in chunks."""
    head = http(status, b"", content_length="", transfer_encoding="chunked", **headers)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def as_json(value: object, status: int = 200, **headers: str) -> bytes:
    return http(status, json.dumps(value).encode(), **headers)


def text_for(nonce: str) -> str:
    """The text of the answer to a question."""
    return f"The answer to {nonce} \u241e ends here."


# Kapa


def kapa_answer(nonce: str) -> dict[str, Any]:
    return {
        "answer": text_for(nonce),
        "thread_id": THREAD,
        "question_answer_id": QUESTION_ANSWER,
        "is_uncertain": False,
        "relevant_sources": [{"source_url": "https://docs.example/a", "title": "A", "contains_internal_data": False}],
    }


def kapa_row(nonce: str, number: int = 0) -> dict[str, Any]:
    return {
        "id": f"{QUESTION_ANSWER[:-4]}{number:04x}",
        "thread_id": THREAD,
        "question": f"Question {nonce}",
        "answer": text_for(nonce),
        "is_uncertain": False,
        "created_at": f"2026-11-01T10:00:{number % 60:02d}Z",
        "end_user_id": "eu-1",
        "feedback": [],
        "relevant_sources": None,
    }


def kapa_records(nonce: str) -> list[bytes]:
    """The records of a stream: sources, the text in pieces of which one is not ASCII, identifiers."""
    text = text_for(nonce)
    chunks: list[dict[str, Any]] = [
        {"type": "relevant_sources", "content": {"relevant_sources": kapa_answer(nonce)["relevant_sources"]}},
        *({"type": "partial_answer", "content": {"text": text[at : at + 32]}} for at in range(0, len(text), 32)),
        {"type": "metadata", "content": {"is_uncertain": False}},
        {"type": "identifiers", "content": {"thread_id": THREAD, "question_answer_id": QUESTION_ANSWER}},
    ]
    last = len(chunks) - 1
    return [
        json.dumps({"chunk": {**chunk, "stream_end": at == last}}).encode() + SEPARATOR
        for at, chunk in enumerate(chunks)
    ]


STREAM = {"content_type": "application/octet-stream"}


def kapa(received: HttpMessage) -> bytes:
    """Kapa's good answer."""
    nonce, path = received.nonce, received.target.partition("?")[0]
    if path.endswith("/chat/stream/"):
        return encode_chunks(kapa_records(nonce), **STREAM)
    if path.endswith("/chat/"):
        return as_json(kapa_answer(nonce))
    if path == "/query/v1/feedback/upsert/":
        sent = json.loads(received.body)
        return as_json({"id": 7, **sent}, 201)
    if path.endswith("/question-answers/"):
        return as_json({"count": 1, "results": [kapa_row(nonce)]})
    if path.startswith("/query/v1/threads/"):
        return as_json({"id": nonce, "question_answers": [kapa_row(nonce)], "created_at": "2026-11-01T10:00:00Z"})
    return as_json({"detail": "Not found."}, 404)


# Kadal


def kadal_answer(nonce: str) -> dict[str, Any]:
    return {"status_code": 200, "message_id": 16516, "message": text_for(nonce)}


def kadal_row(nonce: str, number: int = 0) -> dict[str, Any]:
    return {
        "chat_bot_id": BOT,
        "user_query": f"Question {nonce}",
        "created_by": 1,
        "bot_response_id": 16516 + number,
        "bot_response": text_for(nonce),
    }


def kadal(received: HttpMessage) -> bytes:
    """Kadal's good answer."""
    nonce, path = received.nonce, received.target.partition("?")[0]
    if path == "/aiwb/chat/api/v1/":
        return as_json({"status_code": 200, "data": [kadal_row(nonce)], "total_skill_count": 1})
    if path == "/aiwb/chat/api/v1/feedbacks/":
        return as_json({"id": 7, **json.loads(received.body)})
    if path.startswith("/aiwb/chat/api/v1/clearhistory/"):
        return as_json({"status_code": 200, "message": f"The conversation of {nonce} was deleted."})
    if path in (f"/aiwb/chat/api/v2/{BOT}", f"/aiwb/chat/api/v1/{BOT}"):
        return as_json(kadal_answer(nonce))
    return as_json({"detail": "Not Found"}, 404)


VENDORS: dict[str, Callable[[HttpMessage], bytes]] = {"kapa": kapa, "kadal": kadal}
