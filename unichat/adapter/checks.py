"""What most adapters check before they return a flow: arguments, users, and whose conversation it is."""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import evolve, fields

from unichat._text.printable import format_value
from unichat._text.templates import Argument, Method, Setting, Template
from unichat.adapter.protocol import ConversationCall, FeedbackCall, NeutralCall
from unichat.errors import InvalidInput, ThreadMismatch
from unichat.models import Comment, ThreadRef, User

C = TypeVar("C", bound=NeutralCall)

_USER_DETAILS = tuple(each.name for each in fields(User) if each.name != "id")
_COMMENT_FLAGS = tuple(each.name for each in fields(Comment) if each.name != "text")


def drop_unsupported(call: C, *arguments: str, reason: str, alternative: str = "Leave it out.") -> C:
    """Return `call` without these arguments, which the vendor cannot carry: None takes their place.

    Raises:
        Unsupported: one of them was given, unless the caller chose `on_unsupported="drop"`.
    """
    given = [name for name in arguments if getattr(call, name) is not None]
    for name in given:
        call.reject_or_drop(name, reason, alternative)
    without: dict[str, Any] = dict.fromkeys(given)
    return evolve(call, **without)


def resolve_user_id(call: ConversationCall) -> str | None:
    """Return the id of the call's user, or None; for a vendor that knows a user by an id only.

    Raises:
        Unsupported: the user has other details, unless the caller chose `on_unsupported="drop"`.
    """
    if call.user is None:
        return None
    _reject_or_drop_details(call, call.user)
    return call.user.id


def _reject_or_drop_details(call: ConversationCall, user: User) -> None:
    for name in _USER_DETAILS:
        if getattr(user, name) is not None:
            call.reject_or_drop(f"user.{name}", f"{call.backend} takes only an id here", "Give only the user's id.")


def require_user_id(call: ConversationCall, reason: str, advice: str) -> str:
    """Return the id of the call's user, without which the vendor cannot do it.

    Args:
        call: the call.
        reason: why; the error says "no user was given, and …".
        advice: what to know about the id; the error's hint says "Pass user…".

    Raises:
        InvalidInput: there is none.
        Unsupported: as `resolve_user_id` does.
    """
    if call.user is None or call.user.id is None:
        raise InvalidInput(
            f"no user was given, and {reason}",
            hint=Template("Pass ", Argument("user"), f"{advice}."),
            backend=call.backend,
            operation=call.operation,
            argument="user",
        )
    _reject_or_drop_details(call, call.user)
    return call.user.id


def require_owner(call: ConversationCall) -> str:
    """Return the id of the user whose conversation it is, for a vendor that always needs one (`needs_user`).

    Raises:
        InvalidInput: neither the call nor its thread names one.
        ThreadMismatch, Unsupported: as `resolve_owner` does.
    """
    return resolve_owner(call) or require_user_id(
        call, f"{call.backend} needs one for this call", ", something stable and unique for the person"
    )


def drop_comment_flags(call: FeedbackCall, reason: str) -> FeedbackCall:
    """Return `call` with a comment that is text only, for a vendor that takes no flags; None if it has no text.

    Raises:
        Unsupported: it has flags, unless the caller chose `on_unsupported="drop"`.
    """
    comment = call.comment
    if comment is None:
        return call
    for name in _COMMENT_FLAGS:
        if getattr(comment, name):
            call.reject_or_drop(f"comment.{name}", reason, "Say it in the comment's text.")
    return evolve(call, comment=None if comment.text is None else Comment(comment.text))


def require_thread(call: ConversationCall) -> ThreadRef:
    """Return the call's thread, for a vendor that clears one thread at a time.

    Raises:
        InvalidInput: none was named.
    """
    if call.thread is None:
        raise InvalidInput(
            f"{call.backend} clears one thread at a time, and none was named",
            hint=Template("Pass ", Argument("thread"), ": clearing never means all of them."),
            backend=call.backend,
            operation=call.operation,
            argument="thread",
        )
    return call.thread


def check_scope(call: ConversationCall, scope: str, *, kind: str, setting: str) -> None:
    """Check that the call's thread or answer belongs to this client's bot or project, if it says to which.

    Args:
        call: the call.
        scope: this client's, as the adapter's references have it in `ThreadRef.scope`.
        kind: what the vendor calls it, such as "bot".
        setting: the setting that names it.

    Raises:
        ThreadMismatch: it belongs to another one.
    """
    found = None if call.thread is None else call.thread.scope
    if isinstance(call, FeedbackCall):
        found = call.answer_scope or found
    if found in (None, scope):
        return
    subject, alternative = "thread", Template(", or start a new thread with ", Method("chat"))
    if isinstance(call, FeedbackCall):
        subject, alternative = "answer", Template("")
    raise ThreadMismatch(
        f"the {subject} belongs to the {kind} {format_value(found)}, and this client talks to another",
        hint=Template("Use a client with ", Setting(setting, format_value(found)), alternative, "."),
        backend=call.backend,
        operation=call.operation,
        expected=scope,
        found=found,
    )


def resolve_owner(call: ConversationCall, *, alternative: str = "") -> str | None:
    """Return the id of the user whose conversation it is: the thread's user, or without a thread the call's.

    It is for a vendor that keeps conversations per user, so that a thread remembers its user (`ThreadRef.user`).

    Args:
        call: the call.
        alternative: what else would work than to leave out the user; the error's hint ends with it.

    Raises:
        ThreadMismatch: the call names another user than its thread does.
        Unsupported: as `resolve_user_id` does.
    """
    user = resolve_user_id(call)
    if call.thread is None:
        return user
    if user not in (None, call.thread.user):
        owner = format_value(call.thread.user) if call.thread.user else "no named user"
        raise ThreadMismatch(
            f"the thread belongs to {owner}, not to {format_value(user)}",
            hint=Template("Leave out ", Argument("user"), ", which the thread remembers", alternative, "."),
            backend=call.backend,
            operation=call.operation,
            expected=call.thread.user,
            found=user,
        )
    return call.thread.user
