"""What a store has about one person, and its removal; and the removal of what is old. Each is one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from unichat.conversations.encoding import decode_parts, decode_thread, encode_parts
from unichat.conversations.entries import QueueTurn
from unichat.conversations.messages import Part, identify_thread
from unichat.conversations.stores.base import Row, Transaction
from unichat.conversations.tickets import remove_ticket
from unichat.models import ThreadRef

_TRACES = (
    "SELECT conversation FROM unichat_conversations WHERE speaker = :user",
    "SELECT conversation FROM unichat_tickets WHERE speaker = :user",
    "SELECT conversation FROM unichat_events WHERE speaker = :user",
    "SELECT conversation FROM unichat_answers WHERE speaker = :user AND conversation IS NOT NULL",
    # Ratings of answers to others.
    """
    SELECT conversation FROM unichat_answers WHERE conversation IS NOT NULL
    AND entry IN (SELECT entry FROM unichat_ratings WHERE rater = :user)
    """,
)
_WAITING = (
    "SELECT conversation, left_over FROM unichat_conversations WHERE left_over IS NOT NULL",
    "SELECT conversation, parts FROM unichat_tickets WHERE parts IS NOT NULL",
    "SELECT conversation, parts FROM unichat_events WHERE parts IS NOT NULL",
)
"""Where texts stand that wait for an answer, those of several people in a row."""


def find_conversations(tx: Transaction, user: str) -> list[str]:
    """Return the keys of the conversations that have something of a person, sorted."""
    keys = {key for (key,) in tx.rows(" UNION ".join(_TRACES), user=user)}
    for statement in _WAITING:
        keys |= {key for key, parts in tx.rows(statement) if any(part.speaker == user for part in decode_parts(parts))}
    return sorted(keys)


def export(tx: Transaction, user: str) -> dict[str, Any]:
    """Return everything about one person as JSON values."""
    ratings_elsewhere = _export_ratings(tx, user, "a.conversation IS NULL")
    return {
        "user": user,
        "conversations": [_export_conversation(tx, user, key) for key in find_conversations(tx, user)],
        # Of answers that are of no conversation here.
        **({"ratings": ratings_elsewhere} if ratings_elsewhere else {}),
    }


def list_conversations(tx: Transaction) -> list[dict[str, Any]]:
    """Return all conversations, the one that was used last first, as JSON values."""
    rows = tx.rows(
        "SELECT c.conversation, c.thread, c.used_at, COUNT(a.backend) FROM unichat_conversations c"
        " LEFT JOIN unichat_answers a ON a.conversation = c.conversation"
        " GROUP BY c.conversation, c.thread, c.used_at ORDER BY c.used_at DESC, c.conversation"
    )
    return [
        {"key": key, "thread": thread, "used_at": _time(used_at), "answers": answers}
        for key, thread, used_at, answers in rows
    ]


def show_conversation(tx: Transaction, key: str) -> dict[str, Any] | None:
    """Return everything about one conversation as JSON values; None if there is none."""
    known = tx.row("SELECT conversation FROM unichat_conversations WHERE conversation = :key", key=key)
    return None if known is None else _export_conversation(tx, None, key)


def _export_conversation(tx: Transaction, user: str | None, key: str) -> dict[str, Any]:
    """Return what a conversation has of a person, or, for None, of everybody."""
    thread, used_at, left_over = tx.rows(
        "SELECT thread, used_at, left_over FROM unichat_conversations WHERE conversation = :key", key=key
    )[0]
    waiting = [
        part.text
        for (parts,) in [
            (left_over,),
            *tx.rows("SELECT parts FROM unichat_tickets WHERE conversation = :key", key=key),
            *tx.rows("SELECT parts FROM unichat_events WHERE conversation = :key", key=key),
        ]
        for part in decode_parts(parts)
        if user in (None, part.speaker)
    ]
    whose = "" if user is None else " AND speaker = :user"
    who = {"key": key} if user is None else {"key": key, "user": user}
    return {
        "key": key,
        "thread": thread,
        "used_at": _time(used_at),
        "answers": [
            {
                "user": speaker,
                "answer_id": answer_id,
                "thread": of,
                "at": _time(at),
                "question": question,
                "answer": answer,
                "messages": [
                    message
                    for (message,) in tx.rows(
                        "SELECT message FROM unichat_messages WHERE entry = :entry ORDER BY message", entry=entry
                    )
                ],
            }
            for entry, speaker, answer_id, of, at, question, answer in tx.rows(
                "SELECT entry, speaker, answer_id, thread, answered_at, question, answer FROM unichat_answers"  # noqa: S608
                f" WHERE conversation = :key{whose} ORDER BY answered_at, entry",
                **who,
            )
        ],
        "events": [
            {
                "user": speaker,
                "event": event,
                "answer": None if answer is None else json.loads(answer),
                # That in which it was asked, as long as its answer is not known.
                "thread": of,
                "expires": _time(expires),
            }
            for event, speaker, answer, of, expires in tx.rows(
                "SELECT event, speaker, answer, thread, expires FROM unichat_events"  # noqa: S608
                f" WHERE conversation = :key{whose} ORDER BY asked_at, event",
                **who,
            )
        ],
        "ratings": _export_ratings(tx, user, "a.conversation = :key", key=key),
        "waiting": waiting,
    }


def _export_ratings(tx: Transaction, user: str | None, where: str, **parameters: object) -> list[dict[str, Any]]:
    """Return the ratings that a person gave, or, for None, that everybody gave; `where` is one of this module's."""
    if user is not None:
        where, parameters = f"{where} AND r.rater = :user", {**parameters, "user": user}
    return [
        {"user": rater or None, "answer_id": answer_id, "rating": rating, "comment": comment, "at": _time(at)}
        for rater, answer_id, rating, comment, at in tx.rows(
            "SELECT r.rater, a.answer_id, r.rating, r.comment_text, r.rated_at FROM unichat_ratings r"  # noqa: S608
            f" JOIN unichat_answers a ON a.entry = r.entry WHERE {where} ORDER BY r.rated_at, r.rater",
            **parameters,
        )
    ]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@frozen
class Belongings:
    """What decides whether a conversation is cleared at the vendor.

    Attributes:
        alone: whether nobody but the person has spoken in it, as far as known.
        threads: those that it has had, as far as they are kept, newest first; of a vendor that keeps one conversation
            per user, only the newest, with which the others are cleared.
    """

    alone: bool
    threads: tuple[ThreadRef, ...]


def belongings(tx: Transaction, key: str, user: str) -> Belongings:
    """Return whose a conversation is."""
    row = tx.row("SELECT thread, speaker, shared FROM unichat_conversations WHERE conversation = :key", key=key)
    if row is None:
        return Belongings(False, ())
    thread, speaker, shared = row
    answers = tx.rows(
        "SELECT thread FROM unichat_answers WHERE conversation = :key AND thread IS NOT NULL ORDER BY answered_at DESC",
        key=key,
    )
    threads: dict[object, ThreadRef] = {}
    for (text,) in [(thread,), *answers]:
        found = decode_thread(text)
        if found is not None:
            threads.setdefault(identify_thread(key, found), found)
    return Belongings(not shared and speaker in (None, user), tuple(threads.values()))


def erase(tx: Transaction, turn: QueueTurn, user: str) -> int:
    """Remove what a conversation has of a person, and end the turn in which this happens; return how many rows."""
    key = turn.message.conversation
    alone = belongings(tx, key, user).alone
    remove_ticket(tx, turn)
    whose = "conversation = :key AND speaker = :user"
    removed = _delete_answers(tx, whose, key=key, user=user)
    removed += tx.run(
        "DELETE FROM unichat_ratings WHERE rater = :user"
        " AND entry IN (SELECT entry FROM unichat_answers WHERE conversation = :key)",
        key=key,
        user=user,
    )
    removed += tx.run(f"DELETE FROM unichat_events WHERE {whose}", key=key, user=user)  # noqa: S608
    for event, parts in tx.rows(
        "SELECT event, parts FROM unichat_events WHERE conversation = :key AND parts IS NOT NULL", key=key
    ):
        tx.run(
            "UPDATE unichat_events SET parts = :parts WHERE conversation = :key AND event = :event",
            parts=encode_parts(_without(user, decode_parts(parts))),
            key=key,
            event=event,
        )
    others_wait = tx.rows("SELECT ticket FROM unichat_tickets WHERE conversation = :key", key=key)
    if alone and not others_wait:
        return removed + _delete_conversation(tx, key)
    tx.run(
        "UPDATE unichat_conversations SET left_over = :left,"
        " thread = CASE WHEN :alone = 1 THEN NULL ELSE thread END,"
        " speaker = CASE WHEN speaker = :user THEN NULL ELSE speaker END WHERE conversation = :key",
        left=encode_parts(_without(user, turn.parts[:-1])),
        alone=int(alone),
        user=user,
        key=key,
    )
    return removed


def _without(user: str, parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.speaker != user]


def erase_elsewhere(tx: Transaction, user: str) -> int:
    """Remove what a person gave to answers that are of no conversation; return how many rows."""
    return tx.run(
        "DELETE FROM unichat_ratings WHERE rater = :user"
        " AND entry IN (SELECT entry FROM unichat_answers WHERE conversation IS NULL)",
        user=user,
    )


def expire(tx: Transaction, seconds: float) -> int:
    """Remove what is older than so many seconds, and return how many rows that were.

    A conversation is as old as its last use; within one that is used, answers go with their messages and ratings.
    """
    before = tx.now - seconds
    removed = tx.run("DELETE FROM unichat_events WHERE expires < :now OR asked_at < :before", now=tx.now, before=before)
    removed += _delete_answers(tx, "answered_at < :before", before=before)
    unused: Iterable[Row] = tx.rows(
        "SELECT conversation FROM unichat_conversations c WHERE used_at < :before"
        " AND NOT EXISTS (SELECT 1 FROM unichat_tickets t WHERE t.conversation = c.conversation AND t.expires >= :now)",
        before=before,
        now=tx.now,
    )
    return removed + sum(_delete_conversation(tx, key) for (key,) in unused)


def _delete_answers(tx: Transaction, where: str, **parameters: object) -> int:
    """Delete answers with the messages that show them and their ratings; `where` is a condition of this module's."""
    entries = f"(SELECT entry FROM unichat_answers WHERE {where})"  # noqa: S608
    return (
        tx.run(f"DELETE FROM unichat_messages WHERE entry IN {entries}", **parameters)  # noqa: S608
        + tx.run(f"DELETE FROM unichat_ratings WHERE entry IN {entries}", **parameters)  # noqa: S608
        + tx.run(f"DELETE FROM unichat_answers WHERE {where}", **parameters)  # noqa: S608
    )


def _delete_conversation(tx: Transaction, key: str) -> int:
    removed = _delete_answers(tx, "conversation = :key", key=key)
    for table in ("events", "tickets", "conversations"):
        removed += tx.run(f"DELETE FROM unichat_{table} WHERE conversation = :key", key=key)  # noqa: S608
    return removed
