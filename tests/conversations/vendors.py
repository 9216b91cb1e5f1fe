"""Two vendors without a network, that remember what they were asked: one with threads, one with users."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from attrs import define, field

from unichat.testing import FakeClock
from unichat.testing.answers import CannedStream, json_answer
from unichat.transport.base import HttpRequest

PROJECT = "01234567-89ab-cdef-0123-456789abcdef"
BOT = "0ea0686c-2442-44d6-89fd-c749c6ad52b2"


@define
class StoredQuestion:
    """One question as the vendor has it."""

    thread: str
    question: str
    id: str
    at: float
    user: Any = None

    @property
    def answer(self) -> str:
        return f"echo: {self.question}"


@define
class Vendor:
    """What both have: the rows, and what was rated."""

    clock: FakeClock
    rows: list[StoredQuestion] = field(factory=list)
    ratings: list[dict[str, Any]] = field(factory=list)
    numbers: Any = field(factory=lambda: itertools.count(1))

    @property
    def questions(self) -> list[str]:
        return [row.question for row in self.rows]

    def conversations(self) -> dict[str, list[str]]:
        """The questions of each thread, in order."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(row.thread, []).append(row.question)
        return found


class Kapa(Vendor):
    """Threads, and a history by thread."""

    backend = "kapa"
    settings: ClassVar[dict[str, Any]] = {"project_id": PROJECT, "api_key": "key"}

    def __call__(self, request: HttpRequest) -> Any:
        path = urlsplit(request.target).path
        body = json.loads(request.body) if request.body else {}
        if path.endswith("/feedback/upsert/"):
            self.ratings.append(body)
            return json_answer({"id": str(len(self.ratings)), **body})
        if request.method == "GET" and path.endswith("/question-answers/"):
            newest = [self._row(row) for row in reversed(self.rows)]
            return json_answer({"results": newest, "count": len(newest), "next": None})
        thread = re.search(r"/threads/([^/]+)/", path)
        known = thread is None or any(row.thread == thread[1] for row in self.rows)
        if not known:
            return json_answer({"detail": "Not found."}, 404)
        if request.method == "GET" and thread is not None:
            rows = [self._row(row) for row in self.rows if row.thread == thread[1]]
            return json_answer({"id": thread[1], "question_answers": rows})
        row = StoredQuestion(
            thread[1] if thread is not None else str(uuid.uuid4()),
            body["query"],
            str(uuid.uuid4()),
            self.clock.now,
            body.get("user"),
        )
        self.rows.append(row)
        ids = {"thread_id": row.thread, "question_answer_id": row.id, "is_uncertain": False}
        if "/stream/" in path:
            return CannedStream(
                [
                    record({"type": "partial_answer", "content": {"text": row.answer}}),
                    record({"type": "identifiers", "content": ids, "stream_end": True}),
                ]
            )
        return json_answer({"answer": row.answer, "relevant_sources": [], **ids})

    def _row(self, row: StoredQuestion) -> dict[str, Any]:
        return {
            "id": row.id,
            "thread_id": row.thread,
            "question": row.question,
            "answer": row.answer,
            "created_at": datetime.fromtimestamp(row.at, UTC).isoformat(),
        }

    def delete_threads(self) -> None:
        self.rows.clear()


def record(chunk: dict[str, Any]) -> bytes:
    return json.dumps({"chunk": chunk}).encode() + "\u241e".encode()


class Kadal(Vendor):
    """One conversation for each user."""

    backend = "kadal"
    settings: ClassVar[dict[str, Any]] = {"chat_bot_id": BOT, "token": "token", "rating_ids": {"up": 1, "down": 2}}

    def __call__(self, request: HttpRequest) -> Any:
        parts = urlsplit(request.target)
        query = parse_qs(parts.query)
        body = json.loads(request.body) if request.body else {}
        user = (query.get("ext_user_id_ref") or [body.get("ext_user_id_ref")])[0]
        if "/feedbacks/" in parts.path:
            self.ratings.append(body)
            return json_answer({"status_code": 200, "id": len(self.ratings)})
        if "/clearhistory/" in parts.path:
            self.rows = [row for row in self.rows if row.user != user]
            return json_answer({"status_code": 200, "message": "cleared"})
        if request.method == "GET":
            rows = [row for row in self.rows if user in (None, row.user)]
            if query.get("sort_order", query.get("order", ["desc"]))[0] == "desc":
                rows.reverse()
            number, size = (int(query.get(name, [most])[0]) for name, most in (("page_no", 1), ("page_size", 10_000)))
            rows = rows[(number - 1) * size : number * size]
            page = [
                {"bot_response_id": int(row.id), "user_query": row.question, "bot_response": row.answer} for row in rows
            ]
            return json_answer({"status_code": 200, "data": page, "total_count": len(page)})
        row = StoredQuestion(str(user), body["message"], str(next(self.numbers)), self.clock.now, user)
        self.rows.append(row)
        return json_answer({"status_code": 200, "message_id": int(row.id), "message": row.answer})


VENDORS = {"kapa": Kapa, "kadal": Kadal}
