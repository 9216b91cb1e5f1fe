"""Checks the arguments of the neutral calls once, for every backend."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal

from attrs import frozen

from unichat._text.printable import format_value, is_blank
from unichat._text.templates import Method, PythonOnly, Template, Term
from unichat.adapter import Capabilities, ChatCall, ClearCall, FeedbackCall, HistoryCall, OnUnsupported
from unichat.client.speaker import Speaker
from unichat.client.values import (
    check_answer,
    check_comment,
    check_integer,
    check_metadata,
    check_rating,
    check_text,
    check_user,
)
from unichat.errors import InvalidInput, ThreadMismatch, Unsupported
from unichat.models import Answer, AnswerRef, Exchange, ThreadRef
from unichat.transport.base import Deadline

_PAGE_SIZE_LIMIT = 10_000
_CONCURRENCY_LIMIT = 10_000


@frozen
class ArgumentChecker:
    """Checks the arguments of one backend's neutral calls, and turns them into the values that an adapter takes.

    Every check raises `InvalidInput`, `ThreadMismatch` or `Unsupported`, before anything is sent.
    """

    backend: str
    capabilities: Capabilities
    on_unsupported: OnUnsupported
    replay: Literal["never", "reconcile", "always"] = "never"

    def chat(
        self,
        operation: str,
        question: object,
        *,
        thread: object = None,
        user: object = None,
        metadata: object = None,
        on_unsupported: OnUnsupported | None = None,
        options: Mapping[str, Any],
    ) -> ChatCall:
        """Check `chat`, `continue_thread` and `stream`."""
        return ChatCall(
            backend=self.backend,
            operation=operation,
            on_unsupported=self._choose_on_unsupported(on_unsupported),
            options=self._check_options("chat", operation, options),
            question=self.check_question(question),
            reconcile=self.replay == "reconcile",
            thread=self._check_thread(thread),
            user=check_user(user.resolve(self.capabilities) if isinstance(user, Speaker) else user),
            metadata=check_metadata(metadata, "metadata"),
        )

    def feedback(
        self,
        answer: object,
        rating: object,
        *,
        user: object = None,
        comment: object = None,
        on_unsupported: OnUnsupported | None = None,
        options: Mapping[str, Any],
    ) -> FeedbackCall:
        """Check `feedback`."""
        answer_id, ref = check_answer(answer)
        if ref is not None and ref.backend != self.backend:
            raise ThreadMismatch(
                f"the answer belongs to {ref.backend}, and this client talks to {self.backend}",
                hint=Template("Rate it with a client of ", ref.backend, "."),
                backend=self.backend,
                operation="feedback",
                expected=self.backend,
                found=ref.backend,
            )
        return FeedbackCall(
            backend=self.backend,
            operation="feedback",
            on_unsupported=self._choose_on_unsupported(on_unsupported),
            options=self._check_options("feedback", "feedback", options),
            answer_id=answer_id,
            rating=check_rating(rating),
            thread=None if ref is None else ref.thread_ref,
            answer_scope=None if ref is None else ref.scope,
            user=check_user(user),
            comment=check_comment(comment),
        )

    def history(
        self,
        thread: object,
        *,
        user: object,
        newest_first: bool,
        page_size: object,
        on_unsupported: OnUnsupported | None,
        options: Mapping[str, Any],
    ) -> HistoryCall:
        """Check `history`."""
        return HistoryCall(
            backend=self.backend,
            operation="history",
            on_unsupported=self._choose_on_unsupported(on_unsupported),
            options=self._check_options("history", "history", options),
            thread=self._check_thread(thread),
            user=check_user(user),
            newest_first=bool(newest_first),
            page_size=None if page_size is None else check_integer("page_size", page_size, 1, _PAGE_SIZE_LIMIT),
        )

    def clear_history(
        self, thread: object, *, user: object, on_unsupported: OnUnsupported | None, options: Mapping[str, Any]
    ) -> ClearCall:
        """Check `clear_history`."""
        return ClearCall(
            backend=self.backend,
            operation="clear_history",
            on_unsupported=self._choose_on_unsupported(on_unsupported),
            options=self._check_options("clear_history", "clear_history", options),
            thread=self._check_thread(thread),
            user=check_user(user),
        )

    def _choose_on_unsupported(self, choice: OnUnsupported | None) -> OnUnsupported:
        if choice not in (None, "raise", "drop"):
            raise InvalidInput(
                f"on_unsupported is {format_value(choice)}", hint='Use "raise" or "drop".', argument="on_unsupported"
            )
        return choice or self.on_unsupported

    def _check_options(self, call: str, operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the backend's own arguments that were given; any other is a mistake, which is never dropped."""
        if not options:
            return {}
        known = self.capabilities.options.get(call, ())
        for name in sorted(options.keys() - set(known)):
            alternative = _choose_argument(name, operation, known)
            raise Unsupported(
                f"{name}: this call has no such argument",
                hint=alternative,
                backend=self.backend,
                operation=operation,
                argument=name,
                alternative=alternative,
            )
        return {name: value for name, value in options.items() if value is not None}

    def check_question(self, question: object) -> str:
        """Return a question: text that is not blank, and not longer than the vendor takes."""
        text = check_text("question", question)
        if is_blank(text):
            raise InvalidInput(
                "the question is empty", hint="Ask something.", argument="question", value=format_value(text)
            )
        limit = self.capabilities.question_limit
        if limit is not None and len(text) > limit:
            raise InvalidInput(
                f"the question has {len(text):,} characters, and {self.backend} takes at most {limit:,}",
                hint="Shorten it.",
                backend=self.backend,
                argument="question",
                value=format_value(text),
                limit=limit,
            )
        return text

    def _check_thread(self, thread: object) -> ThreadRef | None:
        reference = check_thread(thread)
        if reference is not None and reference.backend != self.backend:
            raise ThreadMismatch(
                f"the thread belongs to {reference.backend}, and this client talks to {self.backend}",
                hint=Template("Threads cannot move between vendors: start a new one with ", Method("chat"), "."),
                backend=self.backend,
                expected=self.backend,
                found=reference.backend,
            )
        return reference


_ARGUMENTS = {
    "chat": ("user", "metadata", "deadline", "on_unsupported"),
    "continue_thread": ("user", "metadata", "deadline", "on_unsupported"),
    "stream": ("thread", "user", "metadata", "deadline", "on_unsupported"),
    "feedback": ("user", "comment", "deadline", "on_unsupported"),
    "history": ("thread", "user", "newest_first", "limit", "page_size", "deadline", "on_unsupported"),
    "clear_history": ("thread", "user", "deadline", "on_unsupported"),
}
"""The keyword arguments of each call, for every backend."""


_DEADLINES = ("timeout", "time_out", "time_limit", "max_time")
"""What other libraries call `deadline`."""


def _choose_argument(name: str, operation: str, known: tuple[str, ...]) -> str:
    """Return what was probably meant by an argument that a call does not have."""
    elsewhere = {
        "chat": Template(PythonOnly("Use continue_thread(): chat() starts a new thread.")),
        "feedback": Template("Pass ", Term("answer.ref or str(answer.ref)"), ", which names the thread."),
    }
    if name == "stream" and operation in ("chat", "continue_thread"):
        return Template(PythonOnly("Use stream(), whose answer comes in pieces."))
    candidates = (*known, *_ARGUMENTS[operation], *(("thread",) if operation in elsewhere else ()))
    nearest = "deadline" if name in _DEADLINES else next(iter(get_close_matches(name, candidates)), None)
    if nearest == "thread" and operation in elsewhere:
        return elsewhere[operation]
    return f"Did you mean {nearest}?" if nearest else f"Its own arguments: {', '.join(known) or 'none'}."


def require_thread(thread: object) -> object:
    """Return the thread to continue: itself, or that of an answer or exchange."""
    if isinstance(thread, Answer | Exchange):
        thread = thread.thread
    if thread is None:
        raise InvalidInput(
            "no thread to continue",
            argument="thread",
            hint=Template("Pass ", Term("answer.thread or str(answer.thread)"), ", or use ", Method("chat"), "."),
        )
    return thread


def check_thread(thread: object) -> ThreadRef | None:
    """Return `thread` as a reference: it may be one, its text form, or an answer or exchange that has one."""
    if isinstance(thread, Answer | Exchange):
        thread = require_thread(thread)
    if isinstance(thread, str | AnswerRef):
        # The reference of an answer is not one of a thread, which the error says.
        thread = ThreadRef.parse(str(thread))
    if thread is not None and not isinstance(thread, ThreadRef):
        raise InvalidInput(
            f"thread is {format_value(thread)}",
            hint=Template("Pass ", Term("answer.thread or str(answer.thread)"), "."),
            argument="thread",
            value=format_value(thread),
        )
    return thread


def check_limit(value: object) -> int | None:
    """Return the limit of `history`, in exchanges; None for all."""
    return None if value is None else check_integer("limit", value, 0, 2**63)


def check_concurrency(value: object) -> int:
    """Return the number of calls that may run at a time."""
    return check_integer("concurrency", value, 1, _CONCURRENCY_LIMIT)


def check_deadline(value: object) -> float | Deadline | None:
    """Return the deadline of a call: seconds, that of the call which it is part of, or None for the client's own."""
    if value is None or isinstance(value, Deadline):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise InvalidInput(
            f"deadline is {format_value(value)}",
            hint="Give a positive number of seconds.",
            argument="deadline",
            value=format_value(value),
        )
    return float(value)
