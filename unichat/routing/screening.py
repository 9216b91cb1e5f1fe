"""Checks of a new question with the members that are not asked first, so that each of them could be asked it.

What only some members can take is rejected before anything is sent, and not in the middle of an outage. The member that
cannot take it says so itself, in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import Capabilities
from unichat.models import User
from unichat.routing.members import Member


class Screening:
    """Screens the questions of one route."""

    def __init__(self, members: Sequence[Member], capabilities: Capabilities) -> None:
        self._members = tuple(members)
        self._limit = capabilities.question_limit
        self._needs_user = capabilities.needs_user

    def check(self, operation: str, question: object, first: Member, arguments: Mapping[str, Any]) -> None:
        """Check a question that the member asked first can take.

        Raises:
            InvalidInput, Unsupported: another member cannot take it.
        """
        user = arguments.get("user")
        is_plain = (
            not arguments.get("options")
            and arguments.get("metadata") is None
            and (isinstance(user, str) or (user is None and not self._needs_user))
            and (self._limit is None or (isinstance(question, str) and len(question) <= self._limit))
        )
        if is_plain:
            return
        for member in self._members:
            if member is not first and _is_in_question(member, question, user, arguments):
                # It checks its arguments at once, and sends nothing until it is run.
                member.asked._ask(operation, question, deadline=None, **arguments)


def _is_in_question(member: Member, question: object, user: object, arguments: Mapping[str, Any]) -> bool:
    """Whether a member may be unable to take a question."""
    can: Capabilities = member.client.capabilities
    if arguments.get("options"):
        return True
    if can.question_limit is not None and isinstance(question, str) and len(question) > can.question_limit:
        return True
    if user is None and can.needs_user:
        return True
    if (arguments.get("on_unsupported") or member.asked._arguments.on_unsupported) == "drop":
        # Once it is asked, it logs what it drops.
        return False
    has_details = isinstance(user, User) and not can.user_details
    return has_details or (arguments.get("metadata") is not None and not can.metadata)
