"""What people asked, of stores that keep texts."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.conversations.stores.base import Transaction
from unichat.errors import InvalidInput
from unichat.models import Rating

_PAGE = 200


@frozen(kw_only=True)
class AskedQuestion:
    """One question with its answer, as it was kept.

    Attributes:
        uncertain: whether the vendor marked the answer as uncertain; None where it did not say.
        ratings: those that were given, oldest first.
        at: when it was answered; timezone-aware.
        key: the conversation's.
        user: the id of who asked; None where nobody was named.
    """

    question: str
    answer: str
    uncertain: bool | None
    ratings: tuple[Rating, ...]
    at: datetime
    key: str
    user: str | None


@frozen
class Position:
    """Where a reading of questions stands: after this time, and after this entry of that time."""

    at: float
    entry: str = ""


def start_at(since: datetime | None) -> Position:
    """Return where to begin.

    Raises:
        InvalidInput: the time is none, or has no zone.
    """
    if since is None:
        return Position(0.0)
    if not isinstance(since, datetime) or since.utcoffset() is None:
        raise InvalidInput(
            f"since is {format_value(since)}",
            argument="since",
            hint=Template(PythonOnly("Give a datetime with a zone, such as datetime.now(UTC) - timedelta(days=7).")),
        )
    return Position(since.timestamp())


def read_questions(tx: Transaction, position: Position) -> tuple[list[AskedQuestion], Position | None]:
    """Return the next questions, oldest first, and where to go on; None at the end."""
    rows = tx.rows(
        "SELECT entry, conversation, speaker, question, answer, uncertain, answered_at FROM unichat_answers"
        " WHERE question IS NOT NULL AND conversation IS NOT NULL"
        " AND (answered_at > :at OR (answered_at = :at AND entry > :entry))"
        " ORDER BY answered_at, entry LIMIT :page",
        page=_PAGE,
        at=position.at,
        entry=position.entry,
    )
    if not rows:
        return [], None
    ratings: dict[str, list[Rating]] = {}
    for entry, rating in tx.rows(
        "SELECT r.entry, r.rating FROM unichat_ratings r JOIN unichat_answers a ON a.entry = r.entry"
        " WHERE a.answered_at >= :first AND a.answered_at <= :last ORDER BY r.rated_at, r.rater",
        first=rows[0][6],
        last=rows[-1][6],
    ):
        ratings.setdefault(entry, []).append(Rating(rating))
    questions = [
        AskedQuestion(
            question=question,
            answer=answer,
            uncertain=None if uncertain is None else bool(uncertain),
            ratings=tuple(ratings.get(entry, ())),
            at=datetime.fromtimestamp(at, UTC),
            key=key,
            user=speaker,
        )
        for entry, key, speaker, question, answer, uncertain, at in rows
    ]
    return questions, Position(rows[-1][6], rows[-1][0]) if len(rows) == _PAGE else None
