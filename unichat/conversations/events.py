"""Events that were answered, or whose questions may have been received. Parts of transactions; see `queue`."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from unichat.conversations.encoding import decode_answer, decode_parts, encode_parts
from unichat.conversations.entries import Message, SentQuestion
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Transaction
from unichat.models import Answer


@frozen
class StoredEvent:
    """What is kept of an event.

    Attributes:
        answer: None where its question may have been received, though its answer is not known.
        parts: what others said in its question, if its answer is not known.
        sent: how its question went out for the first time.
        expires: until when its answer is kept.
    """

    answer: str | None
    parts: tuple[Part, ...]
    sent: SentQuestion
    expires: float

    def answer_at(self, now: float) -> Answer | None:
        """Return the answer; None if there is none, or it is kept no longer."""
        return None if self.answer is None or self.expires < now else decode_answer(self.answer)


def keep_event(tx: Transaction, message: Message, part: Part, answer: str, *, is_new: bool = False) -> None:
    """Keep the answer to an event, for when it is delivered again; nothing for a message without an event.

    Args:
        tx: the transaction.
        message: the message in whose turn it was answered.
        part: what was answered.
        answer: the answer, as `encode_answer` returns it.
        is_new: whether nothing is kept of the event yet.
    """
    if part.event is None:
        return
    if not is_new:
        _delete_event(tx, message, part)
    _insert_event(tx, message, part, answer, (), SentQuestion(tx.now, None, None))


def keep_lost_question(
    tx: Transaction, message: Message, part: Part, parts: Sequence[Part], sent: SentQuestion
) -> None:
    """Keep that an event's question may have been received; how it went out for the first time, if known, counts on."""
    known = tx.row(
        "SELECT asked_at, thread, resets FROM unichat_events"
        " WHERE conversation = :conversation AND event = :event AND answer IS NULL",
        conversation=message.conversation,
        event=part.event,
    )
    _delete_event(tx, message, part)
    _insert_event(tx, message, part, None, parts, sent if known is None else SentQuestion(*known))


def read_lost_parts(tx: Transaction, message: Message) -> tuple[Part, ...]:
    """Return what others said in the question of a message's event, if its answer was lost."""
    row = tx.row(
        "SELECT parts FROM unichat_events WHERE conversation = :conversation AND event = :event AND answer IS NULL",
        conversation=message.conversation,
        event=message.part.event,
    )
    return () if row is None else decode_parts(row[0])


def remove_expired_events(tx: Transaction) -> int:
    """Remove the events whose answers are kept no longer; return how many."""
    return tx.run("DELETE FROM unichat_events WHERE expires < :now", now=tx.now)


def _delete_event(tx: Transaction, message: Message, part: Part) -> None:
    tx.run(
        "DELETE FROM unichat_events WHERE conversation = :conversation AND event = :event",
        conversation=message.conversation,
        event=part.event,
    )


def _insert_event(
    tx: Transaction, message: Message, part: Part, answer: str | None, parts: Sequence[Part], sent: SentQuestion
) -> None:
    tx.run(
        "INSERT INTO unichat_events (conversation, event, speaker, answer, parts, asked_at, thread, resets, expires)"
        " VALUES (:conversation, :event, :speaker, :answer, :parts, :asked_at, :thread, :resets, :expires)",
        conversation=message.conversation,
        event=part.event,
        speaker=part.speaker,
        answer=answer,
        parts=encode_parts(parts),
        asked_at=sent.at,
        thread=sent.thread,
        resets=sent.resets,
        expires=tx.now + message.event_ttl,
    )
