"""What the stub answers: bytes of the shapes that the vendors' references show, and the same text in OpenAI's shape."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

PROJECT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
BOT = "5d0f2a34-8c1e-4b7a-9f11-0c2d3e4f5a6b"
THREAD = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
ANSWER_ID = "9ec8a81a-31b2-4a83-bcd8-cef9150932d2"
USER = "ada"
QUESTION = "How do I switch vendors without losing what my users asked before?"
SLOW = "/slow"
"""Before a path: the stub answers after `DELAY`."""
DELAY = 0.2
"""Seconds."""
RECORDS = 200
RULES = int(os.environ.get("BENCHMARK_ROWS", "100000"))
"""Of a history."""
PAGE_SIZE = 1_000

_WORDS = ("A thread is where ", "a conversation goes on. ", "**Store its text form**, ", "and pass it back later. ")
PIECES = tuple(_WORDS[number % len(_WORDS)] for number in range(RECORDS - 3))
"""The text of a streamed answer, as it comes."""
TEXT = "".join(PIECES[:32])
"""A whole answer's text: about 700 characters."""

_SOURCES = [
    {"source_url": f"https://docs.example.com/{page}", "title": page.title(), "contains_internal_data": False}
    for page in ("threads", "switching", "configuration")
]

KAPA_CHAT = {
    "answer": TEXT,
    "thread_id": THREAD,
    "question_answer_id": ANSWER_ID,
    "is_uncertain": False,
    "relevant_sources": _SOURCES,
}
KAPA_RETRIEVAL = [{"content": TEXT, "source_url": source["source_url"]} for source in _SOURCES]
KADAL_CHAT = {"status_code": 200, "message_id": 7, "message": TEXT}


def _completion(kind: str, choice: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-9ec8a81a31b24a83", "object": kind, "created": 1_764_000_000, "model": "gpt-4o-mini"}
    return {**head, "choices": [{"index": 0, **choice, "logprobs": None}], "system_fingerprint": "fp_1", **more}


OPENAI_CHAT = _completion(
    "chat.completion",
    {"message": {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}, "finish_reason": "stop"},
    usage={"prompt_tokens": 19, "completion_tokens": 160, "total_tokens": 179},
    service_tier="default",
)


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def kapa_records() -> list[bytes]:
    """Return the records of a streamed answer, each with its delimiter. Source: Kapa reference, 'Chat streamed'."""

    def record(kind: str, **content: Any) -> bytes:
        return encode({"chunk": {"type": kind, "content": content, "stream_end": False}}) + "\u241e".encode()

    return [
        record("relevant_sources", relevant_sources=_SOURCES),
        *(record("partial_answer", text=piece) for piece in PIECES),
        record("metadata", is_uncertain=False),
        record("identifiers", thread_id=THREAD, question_answer_id=ANSWER_ID),
    ]


def openai_records() -> list[bytes]:
    """Return the same text as server-sent events: as many, in the shape that OpenAI's reference shows."""

    def event(finish: str | None = None, **delta: str) -> bytes:
        chunk = _completion("chat.completion.chunk", {"delta": delta, "finish_reason": finish})
        return b"data: " + encode(chunk) + b"\n\n"

    return [
        event(role="assistant", content=""),
        *(event(content=piece) for piece in PIECES),
        event(finish="stop"),
        b"data: [DONE]\n\n",
    ]


def kapa_row(number: int) -> dict[str, Any]:
    """Return one row of a history. Source: Kapa reference, 'List Question Answers'."""
    return {
        "id": f"497f6eca-6276-4993-bfeb-{number:012x}",
        "thread_id": f"9ec8a81a-31b2-4a83-bcd8-{number // 4:012x}",
        "question": QUESTION,
        "answer": TEXT[:200],
        "is_uncertain": False,
        "is_redacted": False,
        "end_user_id": f"7a1b6eca-6276-4993-bfeb-{number % 500:012x}",
        "created_at": f"2026-08-24T14:{number // 60 % 60:02}:{number % 60:02}Z",
        "feedback": [],
    }


def kadal_row(number: int) -> dict[str, Any]:
    """Return one row of a history. Source: Kadal reference, 'List Chats'."""
    return {
        "chat_bot_id": BOT,
        "user_query": QUESTION,
        "created_by": number % 500,
        "bot_response_id": number + 1,
        "bot_response": TEXT[:200],
    }


@cache
def page(backend: str, number: int) -> bytes:
    """Return the body of one page of a history, counted from 1; the last one is short."""
    rows = range((number - 1) * PAGE_SIZE, min(number * PAGE_SIZE, RULES))
    if backend == "kapa":
        more = f"https://api.kapa.ai/?page={number + 1}" if rows.stop < RULES else None
        return encode({"count": RULES, "next": more, "previous": None, "results": [kapa_row(row) for row in rows]})
    return encode({"status_code": 200, "data": [kadal_row(row) for row in rows], "total_skill_count": RULES})
