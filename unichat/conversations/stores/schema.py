"""The tables, as numbered migrations: each is applied once, in order, and none is ever changed."""

from __future__ import annotations

from collections.abc import Sequence

from unichat.conversations.stores.base import Transaction
from unichat.errors import ConfigError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `turns` numbers the tickets; `resets` tells a turn that its thread was left meanwhile; `left_over` has what
        # joined messages said that nobody has asked yet; `speaker` is the first one, and `shared` whether there are
        # others.
        """
        CREATE TABLE unichat_conversations (
            conversation VARCHAR(1000) NOT NULL PRIMARY KEY,
            thread TEXT,
            latest VARCHAR(36),
            speaker VARCHAR(1000),
            shared INTEGER NOT NULL,
            turns INTEGER NOT NULL,
            resets INTEGER NOT NULL,
            left_over TEXT,
            used_at DOUBLE PRECISION NOT NULL
        )
        """,
        # One row for each message that waits for its turn (`asked_at` is null) or has it. The lowest ticket whose
        # lease has not run out has the turn.
        """
        CREATE TABLE unichat_tickets (
            conversation VARCHAR(1000) NOT NULL,
            ticket INTEGER NOT NULL,
            token VARCHAR(36) NOT NULL,
            expires DOUBLE PRECISION NOT NULL,
            gives_up DOUBLE PRECISION NOT NULL,
            event VARCHAR(1000),
            speaker VARCHAR(1000),
            asked_at DOUBLE PRECISION,
            parts TEXT,
            joined INTEGER NOT NULL,
            PRIMARY KEY (conversation, ticket)
        )
        """,
        # One row for each event that was answered, or whose question may have been received without an answer
        # (`answer` is null).
        """
        CREATE TABLE unichat_events (
            conversation VARCHAR(1000) NOT NULL,
            event VARCHAR(1000) NOT NULL,
            speaker VARCHAR(1000),
            answer TEXT,
            parts TEXT,
            asked_at DOUBLE PRECISION NOT NULL,
            expires DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (conversation, event)
        )
        """,
        "CREATE INDEX unichat_events_expires ON unichat_events (expires)",
        # One row for each message that was answered: those that were joined share an answer.
        """
        CREATE TABLE unichat_answers (
            entry VARCHAR(36) NOT NULL PRIMARY KEY,
            conversation VARCHAR(1000),
            speaker VARCHAR(1000),
            answer_id VARCHAR(1000),
            backend VARCHAR(100),
            thread TEXT,
            uncertain INTEGER,
            question TEXT,
            answer TEXT,
            answered_at DOUBLE PRECISION NOT NULL
        )
        """,
        "CREATE INDEX unichat_answers_conversation ON unichat_answers (conversation, answered_at)",
        "CREATE INDEX unichat_answers_speaker ON unichat_answers (speaker)",
        "CREATE INDEX unichat_answers_time ON unichat_answers (answered_at, entry)",
        "CREATE INDEX unichat_answers_id ON unichat_answers (answer_id)",
        """
        CREATE TABLE unichat_messages (
            message VARCHAR(1000) NOT NULL PRIMARY KEY,
            entry VARCHAR(36) NOT NULL,
            posted_at DOUBLE PRECISION NOT NULL
        )
        """,
        "CREATE INDEX unichat_messages_entry ON unichat_messages (entry)",
        # `rater` is empty where nobody was named.
        """
        CREATE TABLE unichat_ratings (
            entry VARCHAR(36) NOT NULL,
            rater VARCHAR(1000) NOT NULL,
            rating VARCHAR(10) NOT NULL,
            comment_text TEXT,
            rated_at DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (entry, rater)
        )
        """,
        "CREATE INDEX unichat_ratings_rater ON unichat_ratings (rater)",
    ),
    # How often the answer's conversation had been reset; null for answers from before this version, and of none.
    ("ALTER TABLE unichat_answers ADD COLUMN resets INTEGER",),
    # How a question went out: in which thread (null for none), and after how many resets (null where that is not
    # known). A ticket is short, and lives in one place rather than in a table and in an index of its keys.
    (
        "ALTER TABLE unichat_events ADD COLUMN thread TEXT",
        "ALTER TABLE unichat_events ADD COLUMN resets INTEGER",
        "ALTER TABLE unichat_tickets RENAME TO unichat_tickets_before",
        """
        CREATE TABLE unichat_tickets (
            conversation VARCHAR(1000) NOT NULL,
            ticket INTEGER NOT NULL,
            token VARCHAR(36) NOT NULL,
            expires DOUBLE PRECISION NOT NULL,
            gives_up DOUBLE PRECISION NOT NULL,
            event VARCHAR(1000),
            speaker VARCHAR(1000),
            asked_at DOUBLE PRECISION,
            thread TEXT,
            resets INTEGER,
            parts TEXT,
            joined INTEGER NOT NULL,
            PRIMARY KEY (conversation, ticket)
        ) {clustered}
        """,
        """
        INSERT INTO unichat_tickets
            (conversation, ticket, token, expires, gives_up, event, speaker, asked_at, parts, joined)
        SELECT conversation, ticket, token, expires, gives_up, event, speaker, asked_at, parts, joined
        FROM unichat_tickets_before
        """,
        "DROP TABLE unichat_tickets_before",
    ),
)
"""The first makes version 1 of an empty database, the next version 2 of it, and so on.

`{clustered}` is what makes the database keep the rows of a table in the order of its primary key, and nowhere else.
"""

TABLES = ("conversations", "tickets", "events", "answers", "messages", "ratings")


def migrate(
    transaction: Transaction,
    version: int,
    store: str,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
    *,
    clustered: str = "",
) -> int:
    """Apply what a database of this version lacks; return the version that it has then.

    Args:
        transaction: what to apply it in.
        version: which one the database has.
        store: what errors call it.
        migrations: all that there are.
        clustered: what stands for `{clustered}` in this database, if it knows the like.

    Raises:
        ConfigError: the database is of a newer version than this unichat knows.
    """
    if version > len(migrations):
        raise ConfigError(
            f"the store {store} has version {version} of the tables, and this unichat knows {len(migrations)}",
            key="store",
            hint="A newer unichat has used it: update this one, or use another store.",
        )
    for migration in migrations[version:]:
        for statement in migration:
            transaction.run(statement.format(clustered=clustered))
    return len(migrations)
