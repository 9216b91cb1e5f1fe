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

from collections.abc import Sequence

from attrs import frozen

from unichat.conversations.encoding import decode_answer, decode_parts, encode_answer, encode_parts
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Transaction
from unichat.models import Answer

JOINED = Answer(text="", began="joined")
"""What a message gets that was asked together with a later one."""

_MARGIN = 1.0
"""Seconds that a message must still be willing to wait, to be asked for others as well."""


@frozen(kw_only=True)
class Message:
    """A message on its way to a turn.

    Attributes:
        token: its own, which no other message has.
        gives_up_after: seconds that it waits at most.
        question_limit: the longest question that the vendor takes; None for any.
    """

    conversation: str
    part: Part
    token: str
    overlap: str
    lease: float
    event_ttl: float
    gives_up_after: float
    question_limit: int | None


@frozen(kw_only=True)
class Turn:
    """A message whose question may be asked now.

    Attributes:
        parts: what to ask, in order; the message's own is the last.
        asked_at: when the turn began.
        thread: the conversation's thread in its text form; None if there is none.
        latest_id: the id of the conversation's newest answer, as far as it is kept.
        resets: how often the conversation had been reset.
        speaker: the first one who spoke in it.
        shared: whether there are others, as far as known.
        lost_since: if the question was out before and its answer was lost: when it went out.
    """

    message: Message
    ticket: int
    parts: tuple[Part, ...]
    asked_at: float
    thread: str | None
    latest_id: str | None
    resets: int
    speaker: str | None
    shared: bool
    lost_since: float | None = None

    @property
    def question(self) -> str:
        """All parts as one question."""
        return "\n\n".join(part.text for part in self.parts)


@frozen
class Waiting:
    """The message waits: with a ticket, or for another delivery of its event, without one."""

    ticket: int | None


@frozen
class Refused:
    """Another message has the turn, and this one does not want to wait."""


Entry = Turn | Waiting | Refused | Answer


@frozen
class _Ticket:
    number: int
    token: str
    expires: float
    gives_up: float
    part: Part
    asked_at: float | None
    parts: tuple[Part, ...]
    joined: bool

    @property
    def others(self) -> tuple[Part, ...]:
        """What is asked for others: once the question is out, the text of its own message is kept no longer."""
        return self.parts[:-1] if self.asked_at is None else self.parts


def enter(tx: Transaction, message: Message) -> Entry:
    """Take a ticket for a message, unless its event is answered or on its way, or it is refused."""
    conversation = message.conversation
    number = _lock(tx, conversation)
    tickets = _living_tickets(tx, message)
    event = message.part.event
    if event is not None:
        if (answer := _answer_to(tx, conversation, event)) is not None:
            return answer
        if any(ticket.part.event == event for ticket in tickets):
            return Waiting(None)
    if any(not ticket.joined for ticket in tickets):
        if message.overlap == "refuse":
            return Refused()
        kept = (message.part,) if message.overlap == "join" else ()
        _insert_ticket(tx, message, number, asked_at=None, parts=kept)
        return Waiting(number)
    turn = _begin(tx, message, number, (message.part,))
    _insert_ticket(tx, message, number, asked_at=tx.now, parts=turn.parts[:-1])
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
    _lock(tx, message.conversation)
    tickets = _living_tickets(tx, message)
    own = next((ticket for ticket in tickets if ticket.token == message.token), None)
    if own is None:
        # The worker was suspended for so long that its ticket was passed over: back to the end of the queue.
        return enter(tx, message)
    if own.joined:
        _delete_ticket(tx, message.conversation, own)
        return JOINED
    if any(ticket.number < own.number and not ticket.joined for ticket in tickets):
        return waiting
    parts = own.parts or (message.part,)
    if len(parts) == 1 and message.overlap == "join":
        group = _choose_group(own, tickets, message.question_limit, tx.now)
        if len(group) > 1:
            _hand_over(tx, message, group)
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
    _lock(tx, message.conversation)
    for ticket in _tickets(tx, message.conversation):
        if ticket.token == message.token:
            _delete_ticket(tx, message.conversation, ticket)
            _leave_over(tx, message.conversation, ticket.others)


def give_back(tx: Transaction, turn: Turn, *, maybe_delivered: bool) -> bool:
    """End a turn without an answer: the event may come again. Return whether the turn was still this worker's.

    Args:
        tx: the transaction.
        turn: the turn.
        maybe_delivered: whether the vendor may have received the question, and may answer it yet.
    """
    message = turn.message
    _lock(tx, message.conversation)
    if not remove_ticket(tx, turn):
        return False
    if not maybe_delivered:
        _leave_over(tx, message.conversation, turn.parts[:-1])
    elif message.part.event is not None:
        _keep_lost(tx, message, message.part, turn.parts[:-1], turn.asked_at)
    return True


def remove_ticket(tx: Transaction, turn: Turn) -> bool:
    """Remove a turn's ticket; return whether it was still there."""
    return bool(
        tx.run(
            "DELETE FROM unichat_tickets WHERE conversation = :conversation AND ticket = :ticket AND token = :token",
            conversation=turn.message.conversation,
            ticket=turn.ticket,
            token=turn.message.token,
        )
    )


def keep_event(tx: Transaction, message: Message, part: Part, answer: Answer) -> None:
    """Keep the answer to an event, for when it is delivered again; nothing for a message without an event."""
    if part.event is not None:
        _replace_event(tx, message, part, encode_answer(answer), (), tx.now)


def renew(tx: Transaction, tickets: Sequence[tuple[str, str]], lease: float) -> None:
    """Renew the leases of these tickets, each a conversation and a token; those that are gone stay gone."""
    for conversation, token in tickets:
        tx.run(
            "UPDATE unichat_tickets SET expires = :expires WHERE conversation = :conversation AND token = :token",
            expires=tx.now + lease,
            conversation=conversation,
            token=token,
        )


def remove_expired_events(tx: Transaction) -> int:
    """Remove the events whose answers are kept no longer; return how many."""
    return tx.run("DELETE FROM unichat_events WHERE expires < :now", now=tx.now)


def _lock(tx: Transaction, conversation: str) -> int:
    """Hold the conversation's row until the end of the transaction; return the number of its next ticket."""
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
        return 1
    (number,) = tx.rows(
        "SELECT turns FROM unichat_conversations WHERE conversation = :conversation", conversation=conversation
    )[0]
    return int(number)


def _tickets(tx: Transaction, conversation: str) -> list[_Ticket]:
    rows = tx.rows(
        "SELECT ticket, token, expires, gives_up, speaker, event, asked_at, parts, joined FROM unichat_tickets"
        " WHERE conversation = :conversation ORDER BY ticket",
        conversation=conversation,
    )
    return [
        _Ticket(number, token, expires, gives_up, Part(speaker, event, ""), asked_at, decode_parts(parts), bool(joined))
        for number, token, expires, gives_up, speaker, event, asked_at, parts, joined in rows
    ]


def _living_tickets(tx: Transaction, message: Message) -> list[_Ticket]:
    """Return the tickets of the conversation, after removing those whose leases have run out."""
    living = []
    for ticket in _tickets(tx, message.conversation):
        if ticket.expires >= tx.now or ticket.token == message.token:
            living.append(ticket)
            continue
        _delete_ticket(tx, message.conversation, ticket)
        if ticket.asked_at is None:
            _leave_over(tx, message.conversation, ticket.others)
        elif ticket.part.event is not None:
            _keep_lost(tx, message, ticket.part, ticket.others, ticket.asked_at)
    return living


def _insert_ticket(
    tx: Transaction, message: Message, number: int, *, asked_at: float | None, parts: Sequence[Part]
) -> None:
    tx.run(
        "INSERT INTO unichat_tickets"
        " (conversation, ticket, token, expires, gives_up, event, speaker, asked_at, parts, joined)"
        " VALUES (:conversation, :ticket, :token, :expires, :gives_up, :event, :speaker, :asked_at, :parts, 0)",
        conversation=message.conversation,
        ticket=number,
        token=message.token,
        expires=tx.now + message.lease,
        gives_up=tx.now + message.gives_up_after,
        event=message.part.event,
        speaker=message.part.speaker,
        asked_at=asked_at,
        parts=encode_parts(parts),
    )


def _delete_ticket(tx: Transaction, conversation: str, ticket: _Ticket) -> None:
    tx.run(
        "DELETE FROM unichat_tickets WHERE conversation = :conversation AND ticket = :ticket",
        conversation=conversation,
        ticket=ticket.number,
    )


def _begin(tx: Transaction, message: Message, number: int, parts: tuple[Part, ...]) -> Turn:
    """Return the turn of a message, with all that has to be asked in it."""
    conversation = message.conversation
    thread, latest_id, speaker, shared, resets, left_over = tx.rows(
        "SELECT c.thread, a.answer_id, c.speaker, c.shared, c.resets, c.left_over FROM unichat_conversations c"
        " LEFT JOIN unichat_answers a ON a.entry = c.latest WHERE c.conversation = :conversation",
        conversation=conversation,
    )[0]
    if left_over is not None:
        parts = _take_over(tx, message, decode_parts(left_over), parts)
    lost_since = None
    if message.part.event is not None:
        lost = tx.row(
            "SELECT asked_at, parts FROM unichat_events WHERE conversation = :conversation AND event = :event"
            " AND answer IS NULL",
            conversation=conversation,
            event=message.part.event,
        )
        if lost is not None:
            lost_since, parts = lost[0], (*decode_parts(lost[1]), *parts)
    for part in parts:
        shared = shared or part.speaker is None or speaker not in (None, part.speaker)
        speaker = speaker or part.speaker
    return Turn(
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


def _choose_group(own: _Ticket, tickets: Sequence[_Ticket], limit: int | None, now: float) -> list[_Ticket]:
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


def _hand_over(tx: Transaction, message: Message, group: Sequence[_Ticket]) -> None:
    """Give the last ticket of a group the texts of all, and count the others as answered."""
    *others, last = group
    tx.run(
        "UPDATE unichat_tickets SET parts = :parts WHERE conversation = :conversation AND ticket = :ticket",
        parts=encode_parts([part for ticket in group for part in ticket.parts]),
        conversation=message.conversation,
        ticket=last.number,
    )
    for ticket in others:
        keep_event(tx, message, ticket.part, JOINED)
        if ticket.token == message.token:
            _delete_ticket(tx, message.conversation, ticket)
            continue
        # Its worker removes it when it looks the next time.
        tx.run(
            "UPDATE unichat_tickets SET joined = 1, parts = NULL, event = NULL"
            " WHERE conversation = :conversation AND ticket = :ticket",
            conversation=message.conversation,
            ticket=ticket.number,
        )


def _leave_over(tx: Transaction, conversation: str, parts: Sequence[Part]) -> None:
    """Leave what joined messages said to the next question of the conversation."""
    if not parts:
        return
    ((before,),) = tx.rows(
        "SELECT left_over FROM unichat_conversations WHERE conversation = :conversation", conversation=conversation
    )
    _set_left_over(tx, conversation, (*decode_parts(before), *parts))


def _take_over(
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


def _answer_to(tx: Transaction, conversation: str, event: str) -> Answer | None:
    row = tx.row(
        "SELECT answer FROM unichat_events WHERE conversation = :conversation AND event = :event AND expires >= :now",
        conversation=conversation,
        event=event,
        now=tx.now,
    )
    return None if row is None or row[0] is None else decode_answer(row[0])


def _keep_lost(tx: Transaction, message: Message, part: Part, parts: Sequence[Part], since: float) -> None:
    """Keep that an event's question may have been received, and since when; a first time that is known counts on."""
    known = tx.row(
        "SELECT asked_at FROM unichat_events WHERE conversation = :conversation AND event = :event AND answer IS NULL",
        conversation=message.conversation,
        event=part.event,
    )
    _replace_event(tx, message, part, None, parts, since if known is None else min(since, known[0]))


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
