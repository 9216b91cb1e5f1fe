"""The simulated Kadal's tables: bots, people, exchanges, feedback, tokens."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from sqlite3 import Row
from typing import Any

from attrs import frozen

from unichat.sandbox import Store, dump_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS kadal_bots (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, tokens_left INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kadal_people (
    id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kadal_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT, object_id TEXT NOT NULL, bot TEXT NOT NULL REFERENCES kadal_bots (id),
    person INTEGER NOT NULL REFERENCES kadal_people (id), category TEXT NOT NULL, chat INTEGER, query TEXT NOT NULL,
    response TEXT NOT NULL, metadata TEXT NOT NULL, cleared INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL,
    answered_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS kadal_rows_of_person ON kadal_rows (bot, person);
CREATE TABLE IF NOT EXISTS kadal_feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT, exchange INTEGER NOT NULL REFERENCES kadal_rows (id), person INTEGER NOT NULL,
    is_positive INTEGER NOT NULL, rating_id INTEGER NOT NULL, comment TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS kadal_tokens (token TEXT PRIMARY KEY, expires_at REAL NOT NULL) STRICT;
"""
ALLOWANCE = 10**12
_ROWS = """
    SELECT r.*, p.ref, p.user_id, b.name AS bot_name,
        (SELECT is_positive FROM kadal_feedback WHERE exchange = r.id ORDER BY id DESC LIMIT 1) AS is_positive
    FROM kadal_rows AS r JOIN kadal_people AS p ON p.id = r.person JOIN kadal_bots AS b ON b.id = r.bot
    WHERE r.bot = :bot AND (:person IS NULL OR r.person = :person) AND (:events OR r.category = 'chat')
        AND (:cleared OR NOT r.cleared)
        AND (:text = '' OR instr(lower(r.query), :text) OR instr(lower(r.response), :text))
        AND (:user_id IS NULL OR p.user_id = :user_id OR p.id = :user_id)
"""


@frozen
class Person:
    """A person who asks: the token's owner has an empty `ref`, an end user has the one of the request."""

    id: int
    ref: str


@frozen(kw_only=True)
class Filter:
    """Which rows of a bot to list."""

    bot: str
    person: int | None = None
    events: bool = False
    cleared: bool = False
    text: str = ""
    user_id: str | None = None

    def parameters(self) -> dict[str, object]:
        """Return the filter as values for a statement."""
        return {
            "bot": self.bot,
            "person": self.person,
            "events": self.events,
            "cleared": self.cleared,
            "text": self.text.lower(),
            "user_id": self.user_id,
        }


class Records:
    """The tables, all of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self.tenant_id = tenant_id

    def find_or_create_bot(self, name: str) -> str:
        """Return the id of the bot of that name, created the first time."""
        self._store.run(
            "INSERT OR IGNORE INTO kadal_bots (id, name, tokens_left) VALUES (?, ?, ?)",
            (str(uuid.uuid4()), name, ALLOWANCE),
        )
        row = self._store.rows("SELECT id FROM kadal_bots WHERE name = ?", (name,))[0]
        return str(row["id"])

    def has_bot(self, bot: str) -> bool:
        """Whether there is a bot of that id."""
        return self._store.row("SELECT 1 FROM kadal_bots WHERE id = ?", (bot,)) is not None

    def tokens_left(self, bot: str) -> int:
        """Return how many tokens a bot may still use."""
        return self._store.number("SELECT tokens_left FROM kadal_bots WHERE id = ?", (bot,))

    def set_tokens_left(self, bot: str, tokens: int) -> None:
        """Set how many tokens a bot may still use."""
        self._store.run("UPDATE kadal_bots SET tokens_left = ? WHERE id = ?", (tokens, bot))

    def find_or_create_person(self, ref: str) -> Person:
        """Return the person of that reference, created if new."""
        self._store.run("INSERT OR IGNORE INTO kadal_people (ref, user_id) VALUES (?, ?)", (ref, str(uuid.uuid4())))
        row = self._store.rows("SELECT id FROM kadal_people WHERE ref = ?", (ref,))[0]
        return Person(row["id"], ref)

    def find_last_chat(self, bot: str, person: Person) -> int | None:
        """Return the number of the chat that the person's newest row belongs to, not counting cleared rows."""
        row = self._store.row(
            "SELECT chat FROM kadal_rows WHERE bot = ? AND person = ? AND NOT cleared AND category = 'chat' "
            "ORDER BY id DESC LIMIT 1",
            (bot, person.id),
        )
        return row["chat"] if row else None

    def list_questions(self, chat: int | None) -> list[str]:
        """Return what was asked in a chat and not cleared, oldest first."""
        rows = self._store.rows(
            "SELECT query FROM kadal_rows WHERE chat = ? AND category = 'chat' AND NOT cleared ORDER BY id", (chat,)
        )
        return [row["query"] for row in rows]

    def add_exchange(
        self, bot: str, person: Person, query: str, response: str, *, chat: int | None, metadata: object, now: datetime
    ) -> int:
        """Store an exchange, in a new chat if none is given; its words use up tokens. Return its id."""
        with self._store.transaction():
            number = self._insert(bot, person, "chat", query, response, metadata, now)
            self._store.run("UPDATE kadal_rows SET chat = ? WHERE id = ?", (number if chat is None else chat, number))
            used = max(1, len(query.split()) + len(response.split()))
            self._store.run("UPDATE kadal_bots SET tokens_left = tokens_left - ? WHERE id = ?", (used, bot))
        return number

    def add_event(self, bot: str, person: Person, now: datetime) -> None:
        """Store a row that is not an exchange."""
        self._insert(bot, person, "event", "", "", None, now)

    def _insert(
        self, bot: str, person: Person, category: str, query: str, response: str, metadata: object, now: datetime
    ) -> int:
        cursor = self._store.run(
            "INSERT INTO kadal_rows (object_id, bot, person, category, query, response, metadata, created_at, "
            "answered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(secrets.token_hex(12), bot, person.id, category, query, response, dump_json(metadata)),
                *(format_time(now), format_time(now)),
            ),
        )
        return int(cursor.lastrowid or 0)

    def find_object_id(self, number: int) -> str:
        """Return the `_id` of a row."""
        row = self._store.rows("SELECT object_id FROM kadal_rows WHERE id = ?", (number,))[0]
        return str(row["object_id"])

    def find_number(self, object_id: str) -> int | None:
        """Return the number of the row of that `_id`, None if there is none."""
        row = self._store.row("SELECT id FROM kadal_rows WHERE object_id = ?", (object_id,))
        return row["id"] if row else None

    def clear_rows(self, bot: str, person: Person) -> int:
        """Mark the person's rows as cleared; return how many were not cleared yet."""
        return self._store.run(
            "UPDATE kadal_rows SET cleared = 1 WHERE bot = ? AND person = ? AND NOT cleared", (bot, person.id)
        ).rowcount

    def count_rows(self, which: Filter) -> int:
        """Return how many rows match the filter."""
        return self._store.number(f"SELECT count(*) FROM ({_ROWS})", which.parameters())  # noqa: S608 - a constant

    def list_rows(self, which: Filter, order: str, limit: int, offset: int) -> list[Row]:
        """Return matching rows in order of creation, `asc` or `desc`."""
        return self._store.rows(
            f"{_ROWS} ORDER BY r.id {'DESC' if order == 'desc' else 'ASC'} LIMIT :limit OFFSET :offset",
            {**which.parameters(), "limit": limit, "offset": offset},
        )

    def add_rating(self, exchange: int | None, person: Person, given: Mapping[str, Any]) -> int | None:
        """Add a rating to an exchange, besides any others; return the rating's id, None if there is no exchange."""
        if not self._store.row("SELECT 1 FROM kadal_rows WHERE id = ? AND category = 'chat'", (exchange,)):
            return None
        return self._store.run(
            "INSERT INTO kadal_feedback (exchange, person, is_positive, rating_id, comment) VALUES (?, ?, ?, ?, ?)",
            (exchange, person.id, given["is_positive"], given["rating_id"], given["comment"]),
        ).lastrowid


def format_time(moment: datetime) -> str:
    """Return a time as v7 writes it: `2025-12-22T10:20:30.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
