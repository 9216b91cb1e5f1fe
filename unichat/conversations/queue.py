"""Theory of operation: one message of a conversation after the other, and each event once.

Every message takes a *ticket*, a row with the next number of its conversation. The lowest ticket whose lease has not
run out has the turn: there is no other lock, so there is nothing that could be held by nobody, and no message between
the last look of one holder and the release of its lock. Whoever waits looks now and then whether its ticket is the
lowest.

A ticket has a lease, which is renewed while its message waits and while its question is out (`leases`). A worker that
was killed renews nothing, so its tickets are passed over and removed. One that was only suspended finds its ticket
gone: a ticket that exists is its worker's, one that was removed is never given back, and a turn without a ticket stores
nothing. No clock is asked who was first.

An *event* is the platform's name for a message, which it may deliver again. It is claimed by the ticket that carries
it, in the transaction that makes the ticket, and let go in the one that removes it. So a message that is refused claims
nothing, and one that failed can come again. An event that was answered is kept with its answer. Where the question was
out when its worker was killed, or when the vendor was not heard of again, the event is kept without an answer: its next
delivery looks in the vendor's history first.

With `overlap="join"`, waiting messages keep their texts in their tickets. When the lowest one has its turn, it hands
its text to the last of those that fit into one question, and is done; so are those in between. If that last one's
worker is killed before it asks, the others' texts go to the next question of the conversation.

Each function here is one transaction, and holds the conversation's row until its end: two of them never interleave.
"""

from __future__ import annotations

from unichat.conversations.encoding import decode_parts, encode_parts
from unichat.conversations.entries import JOINED, Entry, Message, QueueTurn, Refused, Waiting
from unichat.conversations.events import keep_lost_question, read_event_answer, read_lost_question
from unichat.conversations.joining import choose_group, hand_over, leave_over, take_over
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Transaction
from unichat.conversations.tickets import (
    Ticket,
    delete_ticket,
    insert_ticket,
    lock_conversation,
    read_tickets,
    remove_ticket,
)


def enter(tx: Transaction, message: Message) -> Entry:
    """Take a ticket for a message, unless its event is answered or on its way, or it is refused."""
    conversation = message.conversation
    number = lock_conversation(tx, conversation)
    tickets = _remove_dead_tickets(tx, message)
    event = message.part.event
    if event is not None:
        if (answer := read_event_answer(tx, conversation, event)) is not None:
            return answer
        if any(ticket.part.event == event for ticket in tickets):
            return Waiting(None)
    if any(not ticket.joined for ticket in tickets):
        if message.overlap == "refuse":
            return Refused()
        kept = (message.part,) if message.overlap == "join" else ()
        insert_ticket(tx, message, number, asked_at=None, parts=kept)
        return Waiting(number)
    turn = _begin(tx, message, number, (message.part,))
    insert_ticket(tx, message, number, asked_at=tx.now, parts=turn.parts[:-1])
    return turn


def may_advance(tx: Transaction, message: Message, waiting: Waiting) -> bool:
    """Return whether it is worth while to call `advance`: a look that changes nothing."""
    if waiting.ticket is None:
        event = message.part.event
        return not tx.rows(
            "SELECT ticket FROM unichat_tickets WHERE conversation = :conversation AND event = :event"
            " AND expires >= :now",
            conversation=message.conversation,
            event=event,
            now=tx.now,
        )
    rows = tx.rows(
        "SELECT ticket, expires, joined FROM unichat_tickets WHERE conversation = :conversation AND ticket <= :ticket",
        conversation=message.conversation,
        ticket=waiting.ticket,
    )
    if any(joined for number, _, joined in rows if number == waiting.ticket):
        return True
    return not any(number < waiting.ticket and not joined and expires >= tx.now for number, expires, joined in rows)


def advance(tx: Transaction, message: Message, waiting: Waiting) -> Entry:
    """Let a message that waits have its turn, if it is the next one."""
    if waiting.ticket is None:
        return enter(tx, message)
    lock_conversation(tx, message.conversation)
    tickets = _remove_dead_tickets(tx, message)
    own = next((ticket for ticket in tickets if ticket.token == message.token), None)
    if own is None:
        # The worker was suspended for so long that its ticket was passed over: back to the end of the queue.
        return enter(tx, message)
    if own.joined:
        delete_ticket(tx, message.conversation, own)
        return JOINED
    if any(ticket.number < own.number and not ticket.joined for ticket in tickets):
        return waiting
    parts = own.parts or (message.part,)
    if len(parts) == 1 and message.overlap == "join":
        group = choose_group(own, tickets, message.question_limit, tx.now)
        if len(group) > 1:
            hand_over(tx, message, group)
            return JOINED
    turn = _begin(tx, message, own.number, parts)
    tx.run(
        "UPDATE unichat_tickets SET asked_at = :now, parts = :parts"
        " WHERE conversation = :conversation AND ticket = :ticket",
        now=tx.now,
        parts=encode_parts(turn.parts[:-1]),
        conversation=message.conversation,
        ticket=own.number,
    )
    return turn


def leave(tx: Transaction, message: Message) -> None:
    """Give up a message whose question was not sent, whether it has a ticket, and a turn, or not."""
    lock_conversation(tx, message.conversation)
    for ticket in read_tickets(tx, message.conversation):
        if ticket.token == message.token:
            delete_ticket(tx, message.conversation, ticket)
            leave_over(tx, message.conversation, ticket.others)


def give_back(tx: Transaction, turn: QueueTurn, *, maybe_delivered: bool) -> bool:
    """End a turn without an answer: the event may come again. Return whether the turn was still this worker's.

    Args:
        tx: the transaction.
        turn: the turn.
        maybe_delivered: whether the vendor may have received the question, and may answer it yet.
    """
    message = turn.message
    lock_conversation(tx, message.conversation)
    if not remove_ticket(tx, turn):
        return False
    if not maybe_delivered:
        leave_over(tx, message.conversation, turn.parts[:-1])
    elif message.part.event is not None:
        keep_lost_question(tx, message, message.part, turn.parts[:-1], turn.asked_at)
    return True


def _remove_dead_tickets(tx: Transaction, message: Message) -> list[Ticket]:
    """Return the tickets of the conversation, after removing those whose leases have run out."""
    living = []
    for ticket in read_tickets(tx, message.conversation):
        if ticket.expires >= tx.now or ticket.token == message.token:
            living.append(ticket)
            continue
        delete_ticket(tx, message.conversation, ticket)
        if ticket.asked_at is None:
            leave_over(tx, message.conversation, ticket.others)
        elif ticket.part.event is not None:
            keep_lost_question(tx, message, ticket.part, ticket.others, ticket.asked_at)
    return living


def _begin(tx: Transaction, message: Message, number: int, parts: tuple[Part, ...]) -> QueueTurn:
    """Return the turn of a message, with all that has to be asked in it."""
    conversation = message.conversation
    thread, latest_id, speaker, shared, resets, left_over = tx.rows(
        "SELECT c.thread, a.answer_id, c.speaker, c.shared, c.resets, c.left_over FROM unichat_conversations c"
        " LEFT JOIN unichat_answers a ON a.entry = c.latest WHERE c.conversation = :conversation",
        conversation=conversation,
    )[0]
    if left_over is not None:
        parts = take_over(tx, message, decode_parts(left_over), parts)
    lost_since = None
    if message.part.event is not None:
        lost = read_lost_question(tx, conversation, message.part.event)
        if lost is not None:
            lost_since, parts = lost[0], (*lost[1], *parts)
    for part in parts:
        shared = shared or part.speaker is None or speaker not in (None, part.speaker)
        speaker = speaker or part.speaker
    return QueueTurn(
        message=message,
        ticket=number,
        parts=parts,
        asked_at=tx.now,
        thread=thread,
        latest_id=latest_id,
        resets=resets,
        speaker=speaker,
        shared=bool(shared),
        lost_since=lost_since,
    )
