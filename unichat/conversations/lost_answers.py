"""Looks in the vendor's history for the answer to a question that was out when its worker was killed.

What counts as found is that exactly one exchange has the question, of those since it went out whose answers nobody got.
Its conversation may have gone on meanwhile: the platform delivers a message again when it likes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile

from attrs import evolve

from unichat.client.base import BaseClient
from unichat.client.newest import read_newest
from unichat.conversations.entries import QueueTurn
from unichat.conversations.messages import reference_for
from unichat.errors import NotFound, ThreadMismatch, UnichatError, Unsupported
from unichat.execution.effects import Program
from unichat.models import Answer, Exchange, ThreadRef
from unichat.transport.base import Deadline

_CLOCK_SKEW = 5.0
"""Seconds that the vendor's clock may be behind the store's."""

_NEWEST = 2_000
"""How many of the newest exchanges are looked at, at most, where they belong to several conversations."""

_NEWEST_OF_ITS_OWN = 50
"""How many, at most, of the question's own conversation."""


Answered = tuple[frozenset[str | None], str | None]
"""What `records.read_answer_ids` returns."""


def find_lost_answer(
    client: BaseClient,
    turn: QueueTurn,
    thread: ThreadRef | None,
    text: str,
    deadline: Deadline,
    answered: Answered,
) -> Program[Answer | None]:
    """Return the answer to a question that may have been received before; None if there is none, or none can be told.

    Args:
        client: whose vendor it was; of a route, any member's may have been.
        turn: the turn that asks it again.
        thread: the conversation's thread, if it has one.
        text: what the question ended with; others' words may have stood before it.
        deadline: of the turn.
        answered: the ids of the answers that the conversation has had since the question went out, and of the last one
            before it.

    Raises:
        UnichatError: the history could not be read, so it is better not to ask again.
    """
    if thread is not None:
        try:
            found = yield from _find(client, turn, thread, text, deadline, answered)
        except (ThreadMismatch, NotFound):
            # The thread cannot be read any more, so the question went to a new one.
            pass
        else:
            if found is not None:
                return evolve(found, profile=_find_profile(client, thread))
            if not client.members:
                return None
    return (yield from _find_new(client, turn, text, deadline, answered))


def _find_new(
    client: BaseClient, turn: QueueTurn, text: str, deadline: Deadline, answered: Answered
) -> Program[Answer | None]:
    """Look for an answer outside of the conversation's thread: of a route, in each member's history.

    A member's history that cannot be read is passed over if another's can: the question may be asked of that one.
    """
    members = client._answering_clients()
    if not members:
        return (yield from _find(client, turn, None, text, deadline, answered))
    failure: UnichatError | None = None
    readable = 0
    for name, member in client.members.items():
        if member not in members:
            continue
        try:
            found = yield from _find_new(member, turn, text, deadline, answered)
        except UnichatError as error:
            failure = error
            continue
        readable += 1
        if found is not None:
            return evolve(found, profile=found.profile or name)
    if failure is not None and not readable:
        raise failure
    return None


def _find_profile(client: BaseClient, thread: ThreadRef) -> str | None:
    """Return the name of the member that a thread belongs to, in the route that it is a direct member of."""
    name = client.member_for(thread=thread)
    return None if name is None else _find_profile(client.members[name], thread) or name


def _find(
    client: BaseClient,
    turn: QueueTurn,
    thread: ThreadRef | None,
    text: str,
    deadline: Deadline,
    answered: Answered,
) -> Program[Answer | None]:
    capabilities = client._find_capabilities(thread)
    user = None if capabilities.parallel_threads else reference_for(turn.message.conversation)
    own = thread is not None or (user is not None and capabilities.history_by_user)
    if not capabilities.history or not (own or capabilities.timestamps):
        return None
    since = datetime.fromtimestamp(turn.lost_since or 0.0, UTC) - timedelta(seconds=_CLOCK_SKEW)
    try:
        if own:
            recent = since if capabilities.timestamps else None
            rows = yield from read_newest(client, thread, user, _NEWEST_OF_ITS_OWN, deadline, recent)
        else:
            rows = yield from read_newest(client, None, None, _NEWEST, deadline, since)
    except Unsupported:
        return None
    since_then, before = answered
    # Not every vendor says when: nothing before an answer that is older than the question can be the lost one.
    newer = takewhile(lambda row: before is None or row.id != before, rows)
    lost = [row for row in newer if row.answer and row.id not in since_then]
    found = [row for row in lost if _ends_with(row.question, text)]
    return _to_answer(found[0], thread) if len(found) == 1 else None


def _ends_with(question: str, text: str) -> bool:
    # What was carried over, or what was joined, stands before it.
    return question == text or question.endswith(f"\n\n{text}")


def _to_answer(row: Exchange, thread: ThreadRef | None) -> Answer:
    return Answer(
        text=row.answer,
        id=row.id,
        thread=row.thread or thread,
        sources=row.sources,
        uncertain=row.uncertain,
        raw=row.raw,
    )
