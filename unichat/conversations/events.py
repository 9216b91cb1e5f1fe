"""Events that were answered, or whose questions may have been received. Parts of transactions; see `queue`."""

from __future__ import annotations

from collections.abc import Sequence

from unichat.conversations.encoding import decode_answer, decode_parts, encode_answer, encode_parts
from unichat.conversations.entries import Message
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Row, Transaction
from unichat.models import Answer


def read_event_answer(tx: Transaction, conversation: str, event: str) -> Answer | None:
    """Return the answer to an event; None if there is none, or it is kept no longer."""
    row = tx.row(
        "SELECT answer FROM unichat_events WHERE conversation = :conversation AND event = :event AND expires >= :now",
        conversation=conversation,
        event=event,
        now=tx.now,
    )
    return None if row is None or row[0] is None else decode_answer(row[0])


def read_lost_question(tx: Transaction, conversation: str, event: str) -> tuple[float, tuple[Part, ...]] | None:
    """Return since when an event's question may have been received, and what others said in it; None if it was not."""
    row: Row | None = tx.row(
        "SELECT asked_at, parts FROM unichat_events WHERE conversation = :conversation AND event = :event"
        " AND answer IS NULL",
        conversation=conversation,
        event=event,
    )
    return None if row is None else (row[0], decode_parts(row[1]))


def keep_event(tx: Transaction, message: Message, part: Part, answer: Answer) -> None:
    """Keep the answer to an event, for when it is delivered again; nothing for a message without an event."""
    if part.event is not None:
        _replace_event(tx, message, part, encode_answer(answer), (), tx.now)


def keep_lost_question(tx: Transaction, message: Message, part: Part, parts: Sequence[Part], since: float) -> None:
    """Keep that an event's question may have been received, and since when; a first time that is known counts on."""
    known = tx.row(
        "SELECT asked_at FROM unichat_events WHERE conversation = :conversation AND event = :event AND answer IS NULL",
        conversation=message.conversation,
        event=part.event,
    )
    _replace_event(tx, message, part, None, parts, since if known is None else min(since, known[0]))


def remove_expired_events(tx: Transaction) -> int:
    """Remove the events whose answers are kept no longer; return how many."""
    return tx.run("DELETE FROM unichat_events WHERE expires < :now", now=tx.now)


def _replace_event(
    tx: Transaction, message: Message, part: Part, answer: str | None, parts: Sequence[Part], asked_at: float
) -> None:
    tx.run(
        "DELETE FROM unichat_events WHERE conversation = :conversation AND (event = :event OR expires < :now)",
        conversation=message.conversation,
        event=part.event,
        now=tx.now,
    )
    tx.run(
        "INSERT INTO unichat_events (conversation, event, speaker, answer, parts, asked_at, expires)"
        " VALUES (:conversation, :event, :speaker, :answer, :parts, :asked_at, :expires)",
        conversation=message.conversation,
        event=part.event,
        speaker=part.speaker,
        answer=answer,
        parts=encode_parts(parts),
        asked_at=asked_at,
        expires=tx.now + message.event_ttl,
    )
