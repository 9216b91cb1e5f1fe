"""Clearing at the other side of a shadow, once it has answered what it was asked in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat._text.templates import Setting, Template
from unichat.errors import DeadlineExceeded, UnichatError, Unsupported
from unichat.execution.effects import Program, Sleep
from unichat.models import ClearResult, ThreadRef
from unichat.routing.asking import share_deadline
from unichat.routing.failures import name_failure
from unichat.routing.members import Member
from unichat.routing.rules import user_key
from unichat.routing.shadowing import Followed, Shadowing
from unichat.transport.base import Deadline

_FIRST_LOOK, _LONGEST_LOOK = 0.01, 0.25
"""Seconds between looks at whether the other side has answered."""


def clear_other(
    shadowing: Shadowing,
    other: Member,
    thread: ThreadRef | None,
    arguments: Mapping[str, Any],
    grace: float,
    deadline: Deadline,
) -> Program[ClearResult]:
    """Clear at the other side what follows a thread of the primary's, or a user's conversations.

    What is still out there when it is cleared would be answered into what was cleared. So this waits for it, for up to
    `grace` seconds; then the other side has as long to clear. A question that is out even then makes an error, however
    the clearing went.

    Args:
        shadowing: knows what the other side was asked.
        other: the other side.
        thread: the primary's; None to clear by user.
        arguments: of `clear_history`, besides.
        grace: seconds.
        deadline: of it all.

    Raises:
        Unsupported: which thread follows the primary's is not known.
        DeadlineExceeded: a question is still out.
        UnichatError: the other side's.
    """
    followed = None if thread is None else shadowing.find(thread)
    if followed is None and thread is not None:
        raise _unknown_thread_error(other.name, thread)
    out = shadowing.find_busy(user_key(arguments.get("user"))) if followed is None else [followed]
    is_late = not (yield from _wait(shadowing, out, _limit(deadline, grace)))
    theirs = [None] if followed is None else list(followed.threads)
    within = _limit(deadline, grace)
    result: ClearResult | None = None
    failure: UnichatError | None = None
    for number, each in enumerate(theirs):
        share = share_deadline(within, len(theirs) - number, streamed=False)
        try:
            result = yield from other.asked._clear(each, deadline=share, **{**arguments, "options": {}})
        except UnichatError as error:
            # Each is tried, whatever became of the others.
            failure = failure or (error if len(theirs) == 1 else name_failure(str(each), error))
    if is_late:
        raise _late_error(other.name, None if followed is None else followed.thread, grace)
    if failure is not None:
        # Not within the handler: it would keep what it stands for.
        raise failure from failure.__cause__
    if result is None:
        # It has not answered anything.
        assert thread is not None
        raise _unknown_thread_error(other.name, thread)
    return result


def _limit(deadline: Deadline, seconds: float) -> Deadline:
    return Deadline(min(seconds, deadline.remaining()), deadline.clock)


def _wait(shadowing: Shadowing, out: Sequence[Followed], deadline: Deadline) -> Program[bool]:
    """Wait until nothing is out; return whether that is so within the deadline. What only waits is not asked then."""
    wait = _FIRST_LOOK
    while shadowing.are_busy(out):
        left = deadline.remaining()
        if left <= 0:
            shadowing.leave_out_waiting(out)
            return False
        yield Sleep(min(wait, left))
        wait = min(2 * wait, _LONGEST_LOOK)
    return True


def _unknown_thread_error(other: str, thread: ThreadRef) -> Unsupported:
    """Return the error of another side whose thread is not known, so that nothing can be cleared there."""
    return Unsupported(
        f"which thread of {other} follows the thread {thread} is not known; whatever {other} was asked is still there",
        argument="thread",
        hint="Clear the conversations of the user there, or have its vendor remove them.",
    )


def _late_error(other: str, thread: ThreadRef | None, grace: float) -> DeadlineExceeded:
    """Return the error of another side that has a question yet to answer."""
    where = "in a new thread" if thread is None else f"in the thread {thread}"
    return DeadlineExceeded(
        f"a question that {other} was asked in the background, {where}, was still out after {grace:g} seconds; its "
        "answer will be there",
        hint=Template("Clear again when it has come, or allow more with ", Setting("shadow_grace"), "."),
        deadline=grace,
        maybe_delivered=True,
    )
