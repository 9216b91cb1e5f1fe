"""What a backend's capabilities rule out: calls that it does not have, and calls without the user that it needs.

With `on_unsupported="drop"`, a call that the backend does not have returns what says so: a receipt that was not sent,
an empty history, a conversation that was left but not cleared.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Never

from unichat._text.templates import Argument, Method, Template
from unichat.adapter import Capabilities, ClearCall, FeedbackCall, Flow, HistoryCall, NeutralCall, Paged, as_flow
from unichat.errors import InvalidInput
from unichat.models import ClearResult, Exchange, FeedbackReceipt, ThreadRef, User


def require_user(capabilities: Capabilities, call: NeutralCall) -> None:
    """Reject a call without a user, where the backend needs one. A thread remembers its user.

    Raises:
        InvalidInput: the call names none.
    """
    needed = capabilities.needs_user or (capabilities.feedback_needs_user and isinstance(call, FeedbackCall))
    if not needed:
        return
    user: User | None = getattr(call, "user", None)
    thread: ThreadRef | None = getattr(call, "thread", None)
    if (user is not None and user.id) or (thread is not None and thread.user):
        return
    raise InvalidInput(
        f"{call.backend} needs a user for this call, and no user's id was given",
        hint=Template("Pass ", Argument("user"), ", something stable and unique for the person."),
        backend=call.backend,
        operation=call.operation,
        argument="user",
    )


def replace_feedback(capabilities: Capabilities, call: FeedbackCall) -> Generator[Never, Any, FeedbackReceipt] | None:
    """Return what takes the place of the rating, where the backend takes none; otherwise None.

    Raises:
        Unsupported: it takes none, and the caller did not choose to drop it.
    """
    if capabilities.feedback:
        return None
    call.reject_or_drop("feedback", f"{call.backend} has no call that rates an answer", "Keep ratings yourself.")
    return as_flow(FeedbackReceipt(answer_id=str(call.answer_id), rating=call.rating, comment=call.comment, sent=False))


def replace_history(capabilities: Capabilities, call: HistoryCall) -> Flow[Paged[Exchange]] | None:
    """Return what takes the place of the history, where the backend has none; otherwise None.

    Raises:
        Unsupported: it has none, and the caller did not choose to drop it.
    """
    if capabilities.history:
        return None
    call.reject_or_drop("history", f"{call.backend} has no call that reads past exchanges", "Keep answers yourself.")
    return as_flow(Paged.empty())


def replace_clearing(capabilities: Capabilities, call: ClearCall) -> Generator[Never, Any, ClearResult] | None:
    """Return what takes the place of clearing, where the backend cannot clear; otherwise None.

    Raises:
        Unsupported: it cannot, and the caller did not choose to drop it.
    """
    if capabilities.clear_history:
        return None
    call.reject_or_drop(
        "clear_history",
        f"{call.backend} has no call that clears a conversation",
        Template("Start a new one with ", Method("chat"), "."),
    )
    return as_flow(ClearResult.detached(call.user))
