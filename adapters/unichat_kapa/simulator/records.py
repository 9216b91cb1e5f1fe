"""The simulated Kapa's tables: end users, threads, answers, feedback."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from sqlite3 import Row
from typing import Any

from attrs import frozen

from unichat.sandbox import Store, dump_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS kapa_users (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, email TEXT, unique_client_id TEXT,
    fingerprint_id TEXT, slack_id TEXT, discord_id TEXT, company_name TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS kapa_threads (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, integration TEXT, created_at TEXT NOT NULL,
    last_activity_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kapa_answers (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, thread TEXT NOT NULL REFERENCES kapa_threads (id),
    project TEXT NOT NULL, integration TEXT, user TEXT, question TEXT NOT NULL, answer TEXT NOT NULL,
    uncertain INTEGER NOT NULL, redacted INTEGER NOT NULL, sources TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS kapa_answers_of_thread ON kapa_answers (thread);
CREATE TABLE IF NOT EXISTS kapa_feedback (
    id INTEGER PRIMARY KEY, answer TEXT NOT NULL REFERENCES kapa_answers (id), user_identifier TEXT NOT NULL,
    reaction TEXT NOT NULL, comment TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    UNIQUE (answer, user_identifier)
) STRICT;
"""
_IDENTIFIERS = ("unique_client_id", "email", "fingerprint_id", "slack_id", "discord_id")
_REDACTED = "[REDACTED]"


@frozen(kw_only=True)
class NewAnswer:
    """An exchange to be stored."""

    question: str
    answer: str
    uncertain: bool
    sources: Sequence[Mapping[str, Any]]
    integration: str | None
    user: str | None
    redacted: bool
    created_at: str


class Records:
    """The rows of one project; another project's are never found."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._project = project

    def find_thread(self, thread_id: str) -> Row | None:
        """Return a thread by its id."""
        return self._store.row("SELECT * FROM kapa_threads WHERE id = ? AND project = ?", (thread_id, self._project))

    def list_answers(self, thread_id: str) -> list[Row]:
        """Return a thread's answers, oldest first."""
        return self._store.rows("SELECT * FROM kapa_answers WHERE thread = ? ORDER BY seq", (thread_id,))

    def list_questions(self, thread_id: str) -> list[str]:
        """Return a thread's questions that were not redacted, oldest first."""
        return [row["question"] for row in self.list_answers(thread_id) if not row["redacted"]]

    def add_exchange(self, new: NewAnswer, thread_id: str | None) -> tuple[str, str]:
        """Store an exchange, in a new thread if none is given; return the ids of thread and answer."""
        answer_id = str(uuid.uuid4())
        question, answer = (_REDACTED, _REDACTED) if new.redacted else (new.question, new.answer)
        with self._store.transaction():
            if thread_id is None:
                thread_id = str(uuid.uuid4())
                self._store.run(
                    "INSERT INTO kapa_threads (id, project, integration, created_at, last_activity_at) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (thread_id, self._project, new.integration, new.created_at, new.created_at),
                )
            else:
                self._store.run(
                    "UPDATE kapa_threads SET last_activity_at = ? WHERE id = ?", (new.created_at, thread_id)
                )
            self._store.run(
                "INSERT INTO kapa_answers (id, thread, project, integration, user, question, answer, uncertain, "
                "redacted, sources, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(answer_id, thread_id, self._project, new.integration, new.user, question, answer),
                    *(new.uncertain, new.redacted, dump_json(list(new.sources)), new.created_at),
                ),
            )
        return thread_id, answer_id

    def find_or_create_user(self, given: Mapping[str, Any] | None) -> str | None:
        """Return the id of the end user that a chat's `user` object names, created if new; None if it names nobody.

        The first identifier that is given decides; the others are stored with the user.
        """
        named = {name: given[name] for name in _IDENTIFIERS if given and given.get(name)}
        if given is None or not named:
            return None
        key, value = next(iter(named.items()))
        metadata = given.get("metadata") or {}
        company = metadata.get("company_name", metadata.get("company"))
        company = company.encode("utf-8", "replace").decode() if isinstance(company, str) else None
        with self._store.transaction():
            row = self._store.row(
                f"SELECT id FROM kapa_users WHERE project = ? AND {key} = ?",  # noqa: S608 - key is a column's name
                (self._project, value),
            )
            user_id = str(row["id"]) if row else str(uuid.uuid4())
            if row is None:
                self._store.run("INSERT INTO kapa_users (id, project) VALUES (?, ?)", (user_id, self._project))
            self._store.run(
                "UPDATE kapa_users SET unique_client_id = coalesce(?, unique_client_id), email = coalesce(?, email), "
                "fingerprint_id = coalesce(?, fingerprint_id), slack_id = coalesce(?, slack_id), "
                "discord_id = coalesce(?, discord_id), company_name = coalesce(?, company_name) WHERE id = ?",
                (*(named.get(name) for name in _IDENTIFIERS), company, user_id),
            )
        return user_id

    def upsert_rating(self, rating: Mapping[str, Any], now: str) -> Row | None:
        """Insert a rating, or update the same user's of the same answer; None if there is no such answer."""
        answer = self._store.row(
            "SELECT id FROM kapa_answers WHERE id = ? AND project = ?", (rating["question_answer"], self._project)
        )
        if answer is None:
            return None
        return self._store.row(
            "INSERT INTO kapa_feedback (answer, user_identifier, reaction, comment, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (answer, user_identifier) DO UPDATE "
            "SET reaction = excluded.reaction, comment = excluded.comment, updated_at = excluded.updated_at "
            "RETURNING *",
            (answer["id"], rating["user_identifier"], rating["reaction"], dump_json(rating["comment"]), now, now),
        )

    def list_feedback(self, answer_id: str) -> list[dict[str, Any]]:
        """Return an answer's ratings, oldest first, as they are written in a question answer."""
        return [
            {
                "reaction": row["reaction"],
                "comment": (comment := json.loads(row["comment"]) or {}).get("issue"),
                "incorrect": comment.get("incorrect", False),
                "irrelevant": comment.get("irrelevant", False),
                "unaddressed": comment.get("unaddressed", False),
                "created_at": row["created_at"],
            }
            for row in self._store.rows("SELECT * FROM kapa_feedback WHERE answer = ? ORDER BY id", (answer_id,))
        ]

    def count_answers(self) -> int:
        """Return how many answers the project has."""
        return self._store.number("SELECT count(*) FROM kapa_answers WHERE project = ?", (self._project,))

    def list_answer_page(self, newest_first: bool, limit: int, offset: int) -> list[Row]:
        """Return some of the project's answers, in order of creation."""
        return self._store.rows(
            f"SELECT * FROM kapa_answers WHERE project = ? ORDER BY seq {'DESC' if newest_first else 'ASC'} "  # noqa: S608
            "LIMIT ? OFFSET ?",
            (self._project, limit, offset),
        )
