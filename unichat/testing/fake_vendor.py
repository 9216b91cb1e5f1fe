"""The vendor behind a `FakeBackend`: what was scripted for it, what it was asked, and its answers as bytes."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field, frozen

from unichat._text.printable import format_value
from unichat.adapter import Capabilities
from unichat.models import Comment, Rating, Source, ThreadRef
from unichat.testing.answers import CannedStream, json_answer
from unichat.testing.faults import Fault, find_fault
from unichat.transport.base import HttpRequest, TransportFailure

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_QUESTIONS = ("/chat", "/stream")


@frozen(kw_only=True)
class FakeCall:
    """A call that a `FakeBackend` was asked to carry out.

    Attributes:
        name: of the neutral call: `chat`, `continue_thread`, `stream`, `feedback`, `history`, `clear_history`.
        question: its text.
        user: the person's id.
        thread: the conversation; None for a new one.
        metadata: of the question.
        answer: the id of the answer that is rated.
        rating, comment: what is said of it.
    """

    name: str
    question: str | None = None
    user: str | None = None
    thread: ThreadRef | None = None
    metadata: Mapping[str, Any] | None = None
    answer: str | None = None
    rating: Rating | None = None
    comment: Comment | None = None


@define
class ScriptedAnswer:
    """An answer that the vendor will give, in pieces."""

    pieces: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    uncertain: bool | None = None
    cut: bool = False

    def __str__(self) -> str:
        name = "streams" if len(self.pieces) > 1 or self.cut else "answers"
        return f"{name}({', '.join(map(format_value, self.pieces))})"


@define
class ScriptedFault:
    """A fault, and how many requests it is still for."""

    fault: Fault
    times: int

    def __str__(self) -> str:
        return f"fails({self.fault.name!r})" if self.times == 1 else f"fails({self.fault.name!r}, times={self.times})"


@define
class FakeVendor:
    """A vendor that gives what is scripted. Safe to share between threads."""

    capabilities: Capabilities
    scope: str | None = None
    calls: list[FakeCall] = field(factory=list)
    unscripted: list[str] = field(factory=list)
    """What it was asked without a script for it, in words."""
    _script: list[ScriptedAnswer | ScriptedFault] = field(factory=list)
    _scripted: list[str] = field(factory=list)
    """All steps so far, in words."""
    _rows: list[dict[str, Any]] = field(factory=list)
    _repeated: dict[int, Fault] = field(factory=dict)
    """The fault that the further attempts of a call meet, by its number."""
    _threads: int = 0
    _lock: threading.RLock = field(factory=threading.RLock)

    def script(self, step: ScriptedAnswer | ScriptedFault) -> None:
        """Add a step."""
        with self._lock:
            self._script.append(step)
            self._scripted.append(str(step))

    def begin(self, call: FakeCall) -> int:
        """Note a call, and return its number."""
        with self._lock:
            self.calls.append(call)
            return len(self.calls)

    def newest_thread(self, user: str | None) -> str | None:
        """Return the thread that a user's last question was in."""
        with self._lock:
            return next((row["thread"] for row in reversed(self._rows) if row["user"] == user), None)

    def answer(self, request: HttpRequest) -> Any:
        """Return what comes of a request.

        Raises:
            AssertionError: it asks something, and nothing is scripted for it.
        """
        body: dict[str, Any] = json.loads(request.body or b"{}")
        with self._lock:
            fault = self._next_fault(request.target, body["call"])
            if fault is None:
                return self._carry_out(request.target, body)
            # One that lets the good answer through gives the scripted one, if it is next.
            is_kept = fault.is_harmless and not fault.once
            if is_kept and (request.target not in _QUESTIONS or self._find_answer() is not None):
                return fault.outcome(self._carry_out(request.target, body))
            return fault.outcome(self._stock_answer(request.target))

    def _next_fault(self, target: str, number: int) -> Fault | None:
        """Return the fault that is due: a question waits for its turn, and anything else meets the first that there is.

        The further attempts of a call meet it as well, unless something was scripted after it.
        """
        if target in _QUESTIONS and self._script and not isinstance(self._script[0], ScriptedFault):
            return None
        place = next((place for place, step in enumerate(self._script) if isinstance(step, ScriptedFault)), None)
        if place is None:
            return self._repeated.get(number)
        first = self._script[place]
        assert isinstance(first, ScriptedFault)
        first.times -= 1
        if not first.times:
            del self._script[place]
            if place == len(self._script) and not first.fault.once:
                self._repeated[number] = first.fault
        return first.fault

    def _stock_answer(self, target: str) -> Any:
        """Return a good answer for a fault to start from, such as one that cuts it."""
        if target in _QUESTIONS:
            return self._in_words(target, ScriptedAnswer(("The beginning of an answer, ", "and its end.")), "t", "a")
        return json_answer({"rows": [], "id": None, "cleared": 0})

    def _carry_out(self, target: str, body: dict[str, Any]) -> Any:
        if target in _QUESTIONS:
            return self._ask(target, body)
        if target == "/history":
            rows = [row for row in self._rows if _matches(row, body)]
            return json_answer({"rows": rows[::-1] if body["newest_first"] else rows})
        if target == "/clear":
            cleared = [row for row in self._rows if _matches(row, body)]
            self._rows = [row for row in self._rows if row not in cleared]
            return json_answer({"cleared": len(cleared)})
        for row in self._rows:
            if row["id"] == body["answer"]:
                row["ratings"] = [{"rating": body["rating"], "comment": body["comment"]}]
        return json_answer({"id": f"feedback-{body['call']}"})

    def _ask(self, target: str, body: dict[str, Any]) -> Any:
        place = self._find_answer()
        if place is None:
            raise self._unscripted_call_error(body)
        answer = self._script.pop(place)
        assert isinstance(answer, ScriptedAnswer)
        if body["thread"] is None:
            self._threads += 1
        thread = body["thread"] or f"thread-{self._threads}"
        identity = f"answer-{len(self._rows) + 1}"
        if not answer.cut:
            self._rows.append(self._row(body, answer, thread, identity))
        return self._in_words(target, answer, thread, identity)

    def _find_answer(self) -> int | None:
        """Return where the answer to the next question stands: before any failure that would take its place."""
        for place, step in enumerate(self._script):
            if isinstance(step, ScriptedAnswer):
                return place
            if not step.fault.is_harmless:
                return None
        return None

    def describe_script(self) -> str:
        """Return all that was scripted so far, in words."""
        return ", ".join(self._scripted) or "nothing"

    def _unscripted_call_error(self, body: dict[str, Any]) -> AssertionError:
        self.unscripted.append(f"{self.calls[body['call'] - 1].name} of {format_value(body['question'])}")
        return AssertionError(
            f"the fake backend was asked {format_value(body['question'])}, and no answer is left for it; the script "
            f"was: {self.describe_script()}. Add fake.answers(…), fake.streams(…) or fake.fails(…) before the call."
        )

    def _row(self, body: dict[str, Any], answer: ScriptedAnswer, thread: str, identity: str) -> dict[str, Any]:
        return {
            "question": body["question"],
            "text": "".join(answer.pieces),
            "id": identity,
            "thread": thread,
            "user": body["user"],
            "at": (_EPOCH + timedelta(seconds=len(self._rows))).isoformat(),
            "ratings": [],
            **self._details(answer),
        }

    def _details(self, answer: ScriptedAnswer) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "sources": [{"title": each.title, "url": each.url} for each in answer.sources if self.capabilities.sources],
            "uncertain": answer.uncertain if self.capabilities.uncertainty else None,
        }

    def _in_words(self, target: str, answer: ScriptedAnswer, thread: str, identity: str) -> Any:
        """Return the answer as the vendor sends it."""
        end = {"id": identity, "thread": thread, **self._details(answer)}
        if target == "/chat":
            whole = json_answer({"text": "".join(answer.pieces), **end})
            return find_fault("cut_body").outcome(whole) if answer.cut else whole
        lines: list[Any] = [_line({"text": piece}) for piece in answer.pieces]
        lines.append(TransportFailure("truncated", phase="body") if answer.cut else _line({"end": True, **end}))
        return CannedStream(lines, headers={"content-type": "application/jsonl"})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _matches(row: dict[str, Any], body: dict[str, Any]) -> bool:
    return all(body[name] in (None, row[name]) for name in ("thread", "user"))
