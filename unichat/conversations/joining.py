"""Messages that are asked together, and what is left over of them. Parts of transactions; see `queue`."""

from __future__ import annotations

from collections.abc import Sequence

from unichat.conversations.encoding import decode_parts, encode_answer, encode_parts
from unichat.conversations.entries import JOINED, Message
from unichat.conversations.events import keep_event
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Transaction
from unichat.conversations.tickets import Ticket, delete_ticket

_MARGIN = 1.0
"""Seconds that a message must still be willing to wait, to be asked for others as well."""


def choose_group(own: Ticket, tickets: Sequence[Ticket], limit: int | None, now: float) -> list[Ticket]:
    """Return the tickets that are asked together: those behind `own` for as long as they fit into one question."""
    group, length = [own], len(own.parts[0].text)
    for ticket in tickets:
        if ticket.number <= own.number or ticket.joined or ticket.gives_up <= now + _MARGIN:
            continue
        if len(ticket.parts) != 1:
            break
        length += 2 + len(ticket.parts[0].text)
        if limit is not None and length > limit:
            break
        group.append(ticket)
    return group


def hand_over(tx: Transaction, message: Message, group: Sequence[Ticket]) -> None:
    """Give the last ticket of a group the texts of all, and count the others as answered."""
    *others, last = group
    tx.run(
        "UPDATE unichat_tickets SET parts = :parts WHERE conversation = :conversation AND ticket = :ticket",
        parts=encode_parts([part for ticket in group for part in ticket.parts]),
        conversation=message.conversation,
        ticket=last.number,
    )
    for ticket in others:
        keep_event(tx, message, ticket.part, encode_answer(JOINED, None))
        if ticket.token == message.token:
            delete_ticket(tx, message.conversation, ticket)
            continue
        # Its worker removes it when it looks the next time.
        tx.run(
            "UPDATE unichat_tickets SET joined = 1, parts = NULL, event = NULL"
            " WHERE conversation = :conversation AND ticket = :ticket",
            conversation=message.conversation,
            ticket=ticket.number,
        )


def leave_over(tx: Transaction, conversation: str, parts: Sequence[Part]) -> None:
    """Leave what joined messages said to the next question of the conversation."""
    if not parts:
        return
    ((before,),) = tx.rows(
        "SELECT left_over FROM unichat_conversations WHERE conversation = :conversation", conversation=conversation
    )
    _set_left_over(tx, conversation, (*decode_parts(before), *parts))


def take_over(
    tx: Transaction, message: Message, left_over: Sequence[Part], parts: tuple[Part, ...]
) -> tuple[Part, ...]:
    """Return the parts of a question with as many before them that were left over as fit."""
    taken = list(left_over)
    limit = message.question_limit
    while taken and limit is not None and len("\n\n".join(part.text for part in (*taken, *parts))) > limit:
        taken.pop()
    _set_left_over(tx, message.conversation, left_over[len(taken) :])
    return (*taken, *parts)


def _set_left_over(tx: Transaction, conversation: str, parts: Sequence[Part]) -> None:
    tx.run(
        "UPDATE unichat_conversations SET left_over = :parts WHERE conversation = :conversation",
        parts=encode_parts(parts),
        conversation=conversation,
    )
