"""Broken simulators whose every single answer is as it should be: only what they remember is wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from attrs import frozen

from unichat_kadal.simulator import records as kadal
from unichat_kapa.simulator import records as kapa


@frozen
class StateMutant:
    """One broken simulator.

    Attributes:
        name: what is broken.
        backend: where.
        judge: what catches it, a key of `JUDGES` in `test_state_mutants.py`.
        owner, attribute: what is replaced.
        replaced: makes the broken function of the right one.
    """

    name: str
    backend: str
    judge: str
    owner: type[Any]
    attribute: str
    replaced: Callable[[Callable[..., Any]], Callable[..., Any]]


def _before(change: Callable[..., tuple[Any, ...]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Change the arguments of a method."""
    return lambda right: lambda self, *given: right(self, *change(*given))


def _another_rater(rating: dict[str, Any], now: str) -> tuple[Any, ...]:
    return {**rating, "user_identifier": f"{rating['user_identifier']} {uuid.uuid4()}"}, now


def _everybody(which: kadal.Filter, *given: Any) -> tuple[Any, ...]:
    return (kadal.Filter(bot=which.bot), *given)


def _include_cleared(which: kadal.Filter, *given: Any) -> tuple[Any, ...]:
    return (kadal.Filter(bot=which.bot, person=which.person, cleared=True), *given)


def _skipping(*given: Any) -> tuple[Any, ...]:
    *others, offset = given
    return (*others, offset + (offset > 0))


def _repeating(*given: Any) -> tuple[Any, ...]:
    *others, offset = given
    return (*others, max(0, offset - 1))


def _any_project(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, thread_id: self._store.row("SELECT * FROM kapa_threads WHERE id = ?", (thread_id,))


def _clear_everybody(right: Callable[..., Any]) -> Callable[..., Any]:
    statement = "UPDATE kadal_rows SET cleared = 1 WHERE bot = ? AND NOT cleared"
    return lambda self, bot, person: self._store.run(statement, (bot,)).rowcount


STATE_MUTANTS = (
    StateMutant(
        "adds a rating where it should replace the rater's",
        "kapa",
        "random conversations",
        kapa.Records,
        "upsert_rating",
        _before(_another_rater),
    ),
    StateMutant(
        "takes all users for one",
        "kapa",
        "random conversations",
        kapa.Records,
        "find_or_create_user",
        _before(lambda given: ({"unique_client_id": "everybody"},)),
    ),
    StateMutant("shows a thread to another key", "kapa", "two keys", kapa.Records, "find_thread", _any_project),
    StateMutant(
        "skips a row between pages", "kapa", "pages, with questions between them", kapa.Records, "list_answer_page",
        _before(_skipping),
    ),
    StateMutant(
        "repeats a row of the page before", "kapa", "pages, with questions between them", kapa.Records,
        "list_answer_page", _before(_repeating),
    ),
    StateMutant(
        "lists the rows of all users", "kadal", "random conversations", kadal.Records, "list_rows", _before(_everybody)
    ),
    StateMutant(
        "lists rows that were cleared", "kadal", "random conversations", kadal.Records, "list_rows",
        _before(_include_cleared),
    ),
    StateMutant(
        "clears the rows of all users", "kadal", "random conversations", kadal.Records, "clear_rows", _clear_everybody
    ),
    StateMutant(
        "skips a row between pages", "kadal", "pages, with questions between them", kadal.Records, "list_rows",
        _before(_skipping),
    ),
    StateMutant(
        "repeats a row of the page before", "kadal", "pages, with questions between them", kadal.Records, "list_rows",
        _before(_repeating),
    ),
    StateMutant(
        "answers though nothing is left of the allowance", "kadal", "a spent allowance", kadal.Records, "tokens_left",
        lambda right: lambda self, bot: kadal.ALLOWANCE,
    ),
)  # fmt: skip
