"""Theory of operation: one message of a conversation after the other, and each event once.

Every message takes a *ticket*, a row with the next number of its conversation. The lowest ticket whose lease has not
run out has the turn: there is no other lock, so no lock can outlive its holder, and no message is stranded between
the last look of one holder and the release of its lock. A waiting worker looks now and then whether its ticket is the
lowest.

A ticket has a lease, which is renewed while its message waits and while its question is out (`leases`). A worker that
was killed renews nothing, so its tickets are passed over and removed. One that was only suspended finds its ticket
gone: a ticket that exists is its worker's, one that was removed is never given back, and a turn without a ticket stores
nothing. No clock is asked who was first.

An *event* is the platform's name for a message, which it may deliver again. It is claimed by the ticket that carries
it, in the transaction that makes the ticket, and released in the one that removes it. So a message that is refused
claims nothing, and one that failed can come again. An event that was answered is kept with its answer. Where the
question was out when its worker was killed, or when the vendor never answered, the event is kept without an answer, and
with how the question went out: its next delivery looks in the vendor's history first (`lost_answers`).

With `overlap="join"`, waiting messages keep their texts in their tickets. When the lowest one has its turn, it hands
its text to the last of those that fit into one question, and is done; so are those in between. If that last one's
worker is killed before it asks, the others' texts go to the next question of the conversation.

Each function here is one transaction, and holds the conversation's row until its end: two of them never interleave.
"""

from __future__ import annotations

from collections.abc import Iterable

from unichat.conversations.entries import JOINED, Entry, Message, QueueTurn, Refused, Waiting
from unichat.conversations.events import keep_lost_question, read_lost_parts
from unichat.conversations.joining import choose_group, hand_over, leave_over, take_over
from unichat.conversations.messages import Part
from unichat.conversations.state import ConversationState, read_state
from unichat.conversations.stores.base import Transaction
from unichat.conversations.tickets import (
    delete_ticket,
    insert_ticket,
    lock_conversation,
    read_tickets,
    remove_ticket,
    send_ticket,
)


def enter(tx: Transaction, message: Message) -> Entry:
    """Take a ticket for a message, unless its event is answered or being answered, or it is refused."""
    conversation = message.conversation
    lock_conversation(tx, conversation)
    state = _read_living(tx, message)
    if any(ticket.token == message.token for ticket in state.tickets):
        # The connection broke while an earlier attempt at this was committed.
        leave(tx, message)
        state = _read_living(tx, message)
    answer = None if state.event is None else state.event.answer_at(tx.now)
    if answer is not None:
        return answer
    event = message.part.event
    same = tuple(ticket.token for ticket in state.tickets if event is not None and ticket.part.event == event)
    if same:
        return Waiting(None, same)
    earlier = tuple(ticket.token for ticket in state.tickets if not ticket.joined)
    if earlier:
        if message.overlap == "refuse":
            return Refused()
        kept = (message.part,) if message.overlap == "join" else ()
        insert_ticket(tx, message, state.turns, sent=None, parts=kept)
        return Waiting(state.turns, earlier)
    turn = _begin(tx, message, state.turns, (message.part,), state)
    insert_ticket(tx, message, turn.ticket, sent=turn.sent, parts=turn.parts[:-1])
    return turn


def may_advance(tx: Transaction, message: Message, waiting: Waiting) -> bool:
    """Return whether `advance` may let the message advance: a query that changes nothing."""
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
    state = _read_living(tx, message)
    own = next((ticket for ticket in state.tickets if ticket.token == message.token), None)
    if own is None:
        # The worker was suspended for so long that its ticket was passed over: back to the end of the queue.
        return enter(tx, message)
    if own.joined:
        delete_ticket(tx, message.conversation, own)
        return JOINED
    if any(ticket.number < own.number and not ticket.joined for ticket in state.tickets):
        return waiting
    parts = own.parts or (message.part,)
    if len(parts) == 1 and message.overlap == "join":
        group = choose_group(own, state.tickets, message.question_limit, tx.now)
        if len(group) > 1:
            hand_over(tx, message, group)
            return JOINED
    turn = _begin(tx, message, own.number, parts, state)
    send_ticket(tx, message.conversation, own.number, turn.sent, turn.parts[:-1])
    return turn


def leave(tx: Transaction, message: Message) -> None:
    """Give up a message whose question was not sent, whether it has a ticket, and a turn, or not."""
    lock_conversation(tx, message.conversation)
    for ticket in read_tickets(tx, message.conversation):
        if ticket.token == message.token:
            delete_ticket(tx, message.conversation, ticket)
            others = ticket.others if ticket.sent is None else _drop_lost_parts(tx, message, ticket.others)
            leave_over(tx, message.conversation, others)


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
        leave_over(tx, message.conversation, _drop_lost_parts(tx, message, turn.parts[:-1]))
        return True
    _keep_speakers(tx, message.conversation, turn.parts)
    if message.part.event is not None:
        keep_lost_question(tx, message, message.part, turn.parts[:-1], turn.sent)
    return True


def _drop_lost_parts(tx: Transaction, message: Message, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return what was to be asked for others without what stands first, in the event of a question that was lost.

    The vendor may have that, so it is asked again only with its event.
    """
    return parts[len(read_lost_parts(tx, message)) :]


def _read_living(tx: Transaction, message: Message) -> ConversationState:
    """Return the state of the conversation, after removing the tickets whose leases have run out."""
    state = read_state(tx, message.conversation, message.part.event)
    dead = [ticket for ticket in state.tickets if ticket.expires < tx.now and ticket.token != message.token]
    if not dead:
        return state
    for ticket in dead:
        delete_ticket(tx, message.conversation, ticket)
        if ticket.sent is None:
            leave_over(tx, message.conversation, ticket.others)
            continue
        _keep_speakers(tx, message.conversation, (*ticket.others, ticket.part))
        if ticket.part.event is not None:
            keep_lost_question(tx, message, ticket.part, ticket.others, ticket.sent)
    return read_state(tx, message.conversation, message.part.event)


def _begin(
    tx: Transaction, message: Message, number: int, parts: tuple[Part, ...], state: ConversationState
) -> QueueTurn:
    """Return the turn of a message, with all that has to be asked in it."""
    if state.left_over:
        parts = take_over(tx, message, state.left_over, parts)
    lost = None if state.event is None or state.event.answer is not None else state.event
    if lost is not None:
        parts = (*lost.parts, *parts)
    speaker, shared = _add_speakers(state.speaker, state.shared, parts)
    return QueueTurn(
        message=message,
        ticket=number,
        parts=parts,
        asked_at=tx.now,
        thread=state.thread,
        resets=state.resets,
        speaker=speaker,
        shared=shared,
        lost=None if lost is None else lost.sent,
        event_is_new=state.event is None,
    )


def _add_speakers(speaker: str | None, shared: bool, parts: Iterable[Part]) -> tuple[str | None, bool]:
    """Return the first one who has spoken in a conversation, and whether there are others, with these parts."""
    for part in parts:
        shared = shared or part.speaker is None or speaker not in (None, part.speaker)
        speaker = speaker or part.speaker
    return speaker, shared


def _keep_speakers(tx: Transaction, conversation: str, parts: Iterable[Part]) -> None:
    """Keep who said what the vendor may have received, though there is no answer to it."""
    known = tx.row(
        "SELECT speaker, shared FROM unichat_conversations WHERE conversation = :conversation",
        conversation=conversation,
    )
    assert known is not None
    speaker, shared = _add_speakers(known[0], bool(known[1]), parts)
    tx.run(
        "UPDATE unichat_conversations SET speaker = :speaker, shared = :shared WHERE conversation = :conversation",
        speaker=speaker,
        shared=int(shared),
        conversation=conversation,
    )
