"""What a conversation is like when a message comes to it, read in one query. Part of transactions; see `queue`."""

from __future__ import annotations

from attrs import frozen

from unichat.conversations.encoding import decode_parts
from unichat.conversations.entries import SentQuestion
from unichat.conversations.events import StoredEvent
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Transaction
from unichat.conversations.tickets import TICKET_COLUMNS, Ticket, decode_ticket

_STATE = f"""
    SELECT c.turns, c.resets, c.thread, c.speaker, c.shared, c.left_over,
        e.answer, e.parts, e.asked_at, e.thread, e.resets, e.expires,
        {", ".join(f"t.{column}" for column in TICKET_COLUMNS)}
    FROM unichat_conversations c
    LEFT JOIN unichat_events e ON e.conversation = c.conversation AND e.event = :event
    LEFT JOIN unichat_tickets t ON t.conversation = c.conversation
    WHERE c.conversation = :conversation ORDER BY t.ticket
"""  # noqa: S608
_FIRST_OF_TICKET = 12
"""The first column of a ticket in a row."""


@frozen(kw_only=True)
class ConversationState:
    """The rows of a conversation, as far as a message's turn depends on them.

    Attributes:
        turns: how many tickets were given, the next one included.
        resets: how often the conversation has been reset.
        thread: its thread in its text form; None if there is none.
        speaker: the first one who spoke in it.
        shared: whether there are others, as far as known.
        left_over: what joined messages said that nobody has asked yet.
        event: what is kept of the message's event; None if it is new, or has none.
        tickets: all of them, in order.
    """

    turns: int
    resets: int
    thread: str | None
    speaker: str | None
    shared: bool
    left_over: tuple[Part, ...]
    event: StoredEvent | None
    tickets: tuple[Ticket, ...]


def read_state(tx: Transaction, conversation: str, event: str | None) -> ConversationState:
    """Return the state of a conversation that is locked."""
    rows = tx.rows(_STATE, conversation=conversation, event=event)
    turns, resets, thread, speaker, shared, left_over, answer, parts, *sent, expires = rows[0][:_FIRST_OF_TICKET]
    return ConversationState(
        turns=turns,
        resets=resets,
        thread=thread,
        speaker=speaker,
        shared=bool(shared),
        left_over=decode_parts(left_over),
        event=None if sent[0] is None else StoredEvent(answer, decode_parts(parts), SentQuestion(*sent), expires),
        tickets=tuple(decode_ticket(row[_FIRST_OF_TICKET:]) for row in rows if row[_FIRST_OF_TICKET] is not None),
    )
