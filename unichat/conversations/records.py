"""What is kept of a conversation: its thread, its answers, the messages that show them, and their ratings.

Each function is one transaction, or part of one.
"""

from __future__ import annotations

import os

from attrs import evolve, frozen

from unichat.conversations import queue
from unichat.conversations.encoding import (
    decode_thread,
    encode_answer,
    encode_thread,
    storable,
    without_state,
)
from unichat.conversations.entries import QueueTurn
from unichat.conversations.events import keep_event
from unichat.conversations.messages import Part
from unichat.conversations.stores.base import Row, Transaction
from unichat.conversations.tickets import remove_ticket
from unichat.models import Answer, AnswerRef, Comment, Exchange, Rating, ThreadRef


@frozen(kw_only=True)
class StoredAnswer:
    """An answer as far as it is kept, to be rated.

    Attributes:
        entry: its row.
        conversation: the key of its conversation; None if it is of none.
        speaker: who asked; None where nobody was named.
    """

    entry: str
    conversation: str | None
    backend: str | None
    answer_id: str
    thread: ThreadRef | None
    speaker: str | None

    @property
    def rating_target(self) -> Answer | AnswerRef:
        """What a client rates."""
        if self.thread is None and self.backend is not None:
            return AnswerRef(self.backend, self.answer_id)
        return Answer(text="", id=self.answer_id, thread=self.thread)


_STORED = "a.entry, a.conversation, a.backend, a.answer_id, a.thread, a.speaker"


def finish(
    tx: Transaction, turn: QueueTurn, answer: Answer, *, backend: str, keep_texts: bool, found: bool = False
) -> bool:
    """End a turn with its answer; return whether the turn was still this worker's. Otherwise nothing is stored.

    Args:
        tx: the transaction.
        turn: the turn.
        answer: the answer.
        backend: the vendor that gave it.
        keep_texts: whether to keep what was asked and answered.
        found: whether it is the answer that was lost. Where the conversation has another thread since its question went
            out, it keeps that one.
    """
    if not remove_ticket(tx, turn):
        return False
    message = turn.message
    lost = turn.lost if found else None
    moves = answer.thread is not None and (lost is None or turn.stands_as(lost))
    resets = turn.resets if lost is None else lost.resets
    thread = encode_thread(answer.thread)
    whole = thread if answer.thread is None or answer.thread.state is None else str(answer.thread)
    entry = _insert_answers(tx, turn, answer, backend, thread=thread, keep_texts=keep_texts, resets=resets)
    tx.run(
        "UPDATE unichat_conversations SET latest = :entry, speaker = :speaker, shared = :shared, used_at = :now,"
        " thread = CASE WHEN resets = :resets THEN :thread ELSE thread END WHERE conversation = :conversation",
        entry=entry,
        speaker=turn.speaker,
        shared=int(turn.shared),
        now=tx.now,
        resets=turn.resets,
        thread=whole if moves else turn.thread,
        conversation=message.conversation,
    )
    keep_event(tx, message, message.part, encode_answer(answer, thread), is_new=turn.event_is_new)
    return True


def break_off(tx: Transaction, turn: QueueTurn, thread: ThreadRef) -> None:
    """End a turn whose answer broke off, and keep the thread that it had, so that the conversation goes on in it."""
    if not queue.give_back(tx, turn, maybe_delivered=True):
        return
    kept = encode_thread(thread)
    if kept != without_state(turn.thread):
        # So that it can be cleared when the conversation has left it. Without a vendor, it counts as no answer.
        _insert_answers(tx, turn, Answer(text=""), None, thread=kept, keep_texts=False, resets=turn.resets)
    tx.run(
        "UPDATE unichat_conversations SET thread = :thread WHERE conversation = :conversation AND resets = :resets",
        thread=str(thread),
        conversation=turn.message.conversation,
        resets=turn.resets,
    )


def _insert_answers(
    tx: Transaction,
    turn: QueueTurn,
    answer: Answer,
    backend: str | None,
    *,
    thread: str | None,
    keep_texts: bool,
    resets: int | None,
) -> str:
    """Insert an answer for each message of a turn; return the entry of the last one."""
    entry = ""
    for number, part in enumerate(turn.parts):
        # In order, also where the clock does not tell.
        entry = f"{turn.ticket:012d}-{number:04d}-{os.urandom(8).hex()}"
        _insert_answer(
            tx,
            entry,
            turn.message.conversation,
            part,
            answer,
            backend,
            thread=thread,
            keep_texts=keep_texts,
            resets=resets,
        )
    return entry


def _insert_answer(
    tx: Transaction,
    entry: str,
    conversation: str | None,
    part: Part,
    answer: Answer,
    backend: str | None,
    *,
    thread: str | None,
    keep_texts: bool,
    resets: int | None = None,
) -> None:
    tx.run(
        "INSERT INTO unichat_answers"
        " (entry, conversation, speaker, answer_id, backend, thread, uncertain, question, answer, answered_at, resets)"
        " VALUES (:entry, :conversation, :speaker, :id, :backend, :thread, :uncertain, :question, :answer, :now,"
        " :resets)",
        entry=entry,
        conversation=conversation,
        speaker=part.speaker,
        id=answer.id,
        backend=backend,
        thread=thread,
        uncertain=None if answer.uncertain is None else int(answer.uncertain),
        question=storable(part.text) if keep_texts else None,
        answer=storable(answer.text) if keep_texts else None,
        now=tx.now,
        resets=resets,
    )


def read_thread(tx: Transaction, conversation: str) -> ThreadRef | None:
    """Return the conversation's thread; None if there is none."""
    row = tx.row(
        "SELECT thread FROM unichat_conversations WHERE conversation = :conversation", conversation=conversation
    )
    return None if row is None else decode_thread(row[0])


def reset(tx: Transaction, conversation: str) -> None:
    """Leave the conversation's thread: the next question starts another. A turn that runs does not bring it back."""
    tx.run(
        "UPDATE unichat_conversations SET thread = NULL, resets = resets + 1, used_at = :now"
        " WHERE conversation = :conversation",
        now=tx.now,
        conversation=conversation,
    )


def post(tx: Transaction, answer: Answer, message_id: str) -> None:
    """Keep under which message an answer is shown; one answer may be shown in several."""
    thread = encode_thread(answer.thread)
    row = tx.row(
        # Of messages that were asked together, the last one, which was answered; of no conversation only if need be.
        "SELECT entry FROM unichat_answers WHERE answer_id = :id AND (thread = :thread OR thread IS NULL)"
        " ORDER BY CASE WHEN conversation IS NULL THEN 1 ELSE 0 END, answered_at DESC, entry DESC",
        id=answer.id,
        thread=thread,
    )
    if row is None:
        # Not of a conversation, or of one that stored nothing: it can be rated all the same.
        backend = None if answer.thread is None else answer.thread.backend
        row = (os.urandom(16).hex(),)
        _insert_answer(tx, row[0], None, Part(None, None, ""), answer, backend, thread=thread, keep_texts=False)
    tx.run("DELETE FROM unichat_messages WHERE message = :message", message=message_id)
    tx.run(
        "INSERT INTO unichat_messages (message, entry, posted_at) VALUES (:message, :entry, :now)",
        message=message_id,
        entry=row[0],
        now=tx.now,
    )


def read_shown_answer(tx: Transaction, message_id: str) -> StoredAnswer | None:
    """Return the answer that a message shows; None if it was never `posted`."""
    return _build_stored_answer(
        tx.row(
            f"SELECT {_STORED} FROM unichat_messages m JOIN unichat_answers a ON a.entry = m.entry"  # noqa: S608
            " WHERE m.message = :message",
            message=message_id,
        )
    )


def read_latest_answer(tx: Transaction, conversation: str) -> StoredAnswer | None:
    """Return the conversation's newest answer that can be rated; None before the first."""
    return _build_stored_answer(
        tx.row(
            f"SELECT {_STORED} FROM unichat_conversations c JOIN unichat_answers a ON a.entry = c.latest"  # noqa: S608
            " WHERE c.conversation = :conversation",
            conversation=conversation,
        )
    )


def _build_stored_answer(row: Row | None) -> StoredAnswer | None:
    if row is None or row[3] is None:
        return None
    entry, conversation, backend, answer_id, thread, speaker = row
    return StoredAnswer(
        entry=entry,
        conversation=conversation,
        backend=backend,
        answer_id=answer_id,
        thread=decode_thread(thread),
        speaker=speaker,
    )


def keep_rating(
    tx: Transaction, entry: str, rater: str | None, rating: Rating, comment: Comment | None, *, keep_texts: bool
) -> None:
    """Keep a rating; a later one of the same person takes its place."""
    tx.run("DELETE FROM unichat_ratings WHERE entry = :entry AND rater = :rater", entry=entry, rater=rater or "")
    text = comment.text if comment is not None and keep_texts else None
    tx.run(
        "INSERT INTO unichat_ratings (entry, rater, rating, comment_text, rated_at)"
        " VALUES (:entry, :rater, :rating, :comment, :now)",
        entry=entry,
        rater=rater or "",
        rating=rating.value,
        comment=None if text is None else storable(text),
        now=tx.now,
    )


def read_exchanges(tx: Transaction, conversation: str, thread: ThreadRef, limit: int) -> list[Exchange]:
    """Return the newest exchanges of a conversation, newest first, as far as their texts are kept.

    Those of the thread, and of the threads before it since the last reset: a conversation may move more than once.
    """
    exchanges: list[Exchange] = []
    latest: tuple[object, object] | None = None
    for question, answer, answer_id, found, since_reset in tx.rows(
        "SELECT a.question, a.answer, a.answer_id, a.thread, CASE WHEN a.resets = c.resets THEN 1 ELSE 0 END"
        " FROM unichat_answers a JOIN unichat_conversations c ON c.conversation = a.conversation"
        " WHERE a.conversation = :conversation AND a.question IS NOT NULL ORDER BY a.answered_at DESC, a.entry DESC",
        conversation=conversation,
    ):
        if not since_reset and decode_thread(found) != thread:
            continue
        if answer_id is not None and latest == (found, answer_id):
            # Asked together.
            exchanges[-1] = evolve(exchanges[-1], question=f"{question}\n\n{exchanges[-1].question}")
        elif len(exchanges) == limit:
            break
        else:
            exchanges.append(Exchange(question=question, answer=answer or "", id=answer_id))
        latest = (found, answer_id)
    return exchanges
