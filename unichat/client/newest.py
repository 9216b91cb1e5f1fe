"""Reads the newest exchanges of a thread, of a user, or of all, at once."""

from __future__ import annotations

from datetime import datetime

from unichat.client.base import BaseClient
from unichat.execution.effects import Program
from unichat.models import Exchange, ThreadRef
from unichat.transport.base import Deadline


def read_newest(
    client: BaseClient,
    thread: ThreadRef | None,
    user: str | None,
    limit: int,
    deadline: Deadline,
    since: datetime | None = None,
) -> Program[list[Exchange]]:
    """Return the newest exchanges of a thread, of a user, or of all, newest first; those since a time, if one is given.

    Raises:
        UnichatError: they could not be read.
    """
    reader = client._read_history(
        thread,
        user=user if thread is None else None,
        newest_first=True,
        page_size=None,
        limit=limit,
        deadline=deadline,
        on_unsupported="raise",
        options={},
    )
    rows: list[Exchange] = []
    while (page := (yield from reader.read_page())) is not None:
        recent = [row for row in page if since is None or (row.created_at is not None and row.created_at >= since)]
        rows += recent
        if len(recent) < len(page):
            break
    return rows
