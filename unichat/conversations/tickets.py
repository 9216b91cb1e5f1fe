"""Tickets: a row for each message that waits for its turn or has it. Parts of transactions; see `queue`."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from unichat.conversations.encoding import decode_parts, encode_parts
from unichat.conversations.entries import Message, QueueTurn, SentQuestion
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Row, Transaction

TICKET_COLUMNS = (
    "ticket", "token", "expires", "gives_up", "speaker", "event", "asked_at", "thread", "resets", "parts", "joined",
)  # fmt: skip


@frozen
class Ticket:
    """One row.

    Attributes:
        part: who sent the message, and its event, without its text.
        sent: how its question went out; None while it waits.
        parts: what waits to be asked, the message's own text included while it waits.
        joined: whether it was asked together with a later one; its worker has yet to see that.
    """

    number: int
    token: str
    expires: float
    gives_up: float
    part: Part
    sent: SentQuestion | None
    parts: tuple[Part, ...]
    joined: bool

    @property
    def others(self) -> tuple[Part, ...]:
        """What is asked for others: once the question is out, the text of its own message is kept no longer."""
        return self.parts[:-1] if self.sent is None else self.parts


def lock_conversation(tx: Transaction, conversation: str) -> None:
    """Hold the conversation's row until the end of the transaction, and count the turn that may come of it."""
    if not tx.run(
        "UPDATE unichat_conversations SET turns = turns + 1, used_at = :now WHERE conversation = :conversation",
        now=tx.now,
        conversation=conversation,
    ):
        tx.run(
            "INSERT INTO unichat_conversations (conversation, shared, turns, resets, used_at)"
            " VALUES (:conversation, 0, 1, 0, :now)",
            now=tx.now,
            conversation=conversation,
        )


def read_tickets(tx: Transaction, conversation: str) -> list[Ticket]:
    """Return all tickets of a conversation, in order."""
    rows = tx.rows(
        f"SELECT {', '.join(TICKET_COLUMNS)} FROM unichat_tickets"  # noqa: S608
        " WHERE conversation = :conversation ORDER BY ticket",
        conversation=conversation,
    )
    return [decode_ticket(row) for row in rows]


def decode_ticket(row: Row) -> Ticket:
    """Return the ticket of a row of `TICKET_COLUMNS`."""
    number, token, expires, gives_up, speaker, event, asked_at, thread, resets, parts, joined = row
    sent = None if asked_at is None else SentQuestion(asked_at, thread, resets)
    return Ticket(number, token, expires, gives_up, Part(speaker, event, ""), sent, decode_parts(parts), bool(joined))


def insert_ticket(
    tx: Transaction, message: Message, number: int, *, sent: SentQuestion | None, parts: Sequence[Part]
) -> None:
    """Make a ticket for a message; with `sent`, it has its turn."""
    tx.run(
        "INSERT INTO unichat_tickets"
        " (conversation, ticket, token, expires, gives_up, event, speaker, asked_at, thread, resets, parts, joined)"
        " VALUES (:conversation, :ticket, :token, :expires, :gives_up, :event, :speaker, :asked_at, :thread, :resets,"
        " :parts, 0)",
        conversation=message.conversation,
        ticket=number,
        token=message.token,
        expires=tx.now + message.lease,
        gives_up=tx.now + message.gives_up_after,
        event=message.part.event,
        speaker=message.part.speaker,
        asked_at=None if sent is None else sent.at,
        thread=None if sent is None else sent.thread,
        resets=None if sent is None else sent.resets,
        parts=encode_parts(parts),
    )


def send_ticket(tx: Transaction, conversation: str, number: int, sent: SentQuestion, parts: Sequence[Part]) -> None:
    """Let the message of a ticket that waited have its turn; `parts` is what others said in its question."""
    tx.run(
        "UPDATE unichat_tickets SET asked_at = :at, thread = :thread, resets = :resets, parts = :parts"
        " WHERE conversation = :conversation AND ticket = :ticket",
        at=sent.at,
        thread=sent.thread,
        resets=sent.resets,
        parts=encode_parts(parts),
        conversation=conversation,
        ticket=number,
    )


def delete_ticket(tx: Transaction, conversation: str, ticket: Ticket) -> None:
    """Remove a ticket, whosever it is."""
    tx.run(
        "DELETE FROM unichat_tickets WHERE conversation = :conversation AND ticket = :ticket",
        conversation=conversation,
        ticket=ticket.number,
    )


def remove_ticket(tx: Transaction, turn: QueueTurn) -> bool:
    """Remove a turn's ticket; return whether it was still there."""
    return bool(
        tx.run(
            "DELETE FROM unichat_tickets WHERE conversation = :conversation AND ticket = :ticket AND token = :token",
            conversation=turn.message.conversation,
            ticket=turn.ticket,
            token=turn.message.token,
        )
    )


def renew(tx: Transaction, held: Sequence[tuple[str, str]], lease: float) -> None:
    """Renew the leases of these tickets, each a conversation and a token; those that are gone stay gone."""
    for conversation, token in held:
        tx.run(
            "UPDATE unichat_tickets SET expires = :expires WHERE conversation = :conversation AND token = :token",
            expires=tx.now + lease,
            conversation=conversation,
            token=token,
        )
