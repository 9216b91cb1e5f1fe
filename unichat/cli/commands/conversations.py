"""`unichat conversations`: what a bot's store has, and its removal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unichat.cli import options, output
from unichat.cli.confirming import confirm

if TYPE_CHECKING:
    from unichat.conversations.stores.base import Store, Transaction

T = TypeVar("T")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SECONDS = 120.0
"""How long to wait for messages that are being answered, in each conversation."""

_store = click.option(
    "--store",
    required=True,
    metavar="URL",
    help="The bot's store: sqlite:///PATH, or a URL of SQLAlchemy. A file that is missing is not made.",
)
_user = click.option("--user", required=True, metavar="ID", help="The person, by the bot's own id.")


@click.group("conversations")
def command() -> None:
    """Look at a bot's store of conversations, and remove from it.

    What it has, and how each piece goes away, is on the page "Conversations" of the documentation.
    """


@command.command("list")
@_store
@options.as_json
def list_command(store: str, as_json: bool) -> None:
    """List the conversations, the one that was used last first."""
    from unichat.conversations.personal_data import list_conversations

    found = _read(store, list_conversations)
    if as_json:
        output.print_json(found)
        return
    rows = [(each["key"], str(each["answers"]), each["used_at"], each["thread"] or "-") for each in found]
    output.print_table(("key", "answers", "used", "thread"), rows)


@command.command("show")
@click.argument("key")
@_store
@options.as_json
def show_command(key: str, store: str, as_json: bool) -> None:
    """Show one conversation."""
    from unichat.conversations.personal_data import show_conversation

    found = _read(store, lambda tx: show_conversation(tx, key))
    if found is None:
        raise click.UsageError(f"there is no conversation {key!r} in this store.")
    if as_json:
        output.print_json(found)
        return
    output.print_heading(found["key"])
    output.print_text(f"thread: {found['thread'] or 'none'}\nused: {found['used_at']}")
    for each in found["answers"]:
        output.print_text(f"\n{each['at']} {each['user'] or 'somebody'}: {each['question'] or '(not kept)'}")
        output.print_text(f"answer {each['answer_id']}: {each['answer'] or '(not kept)'}")
    for each in found["ratings"]:
        output.print_text(f"\n{each['at']} {each['user'] or 'somebody'} rated {each['answer_id']} {each['rating']}")


@command.command("export")
@_user
@_store
@options.as_json
def export_command(user: str, store: str, as_json: bool) -> None:
    """Print everything about one person, as JSON."""
    from unichat.conversations.erasing import check_person
    from unichat.conversations.personal_data import export

    person = check_person(user)
    output.print_json(_read(store, lambda tx: export(tx, person)))


@command.command("erase")
@_user
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@options.profile
@options.config
@_store
@options.as_json
def erase_command(user: str, yes: bool, profile: str | None, config: str | None, store: str, as_json: bool) -> None:
    """Remove everything about one person.

    With --profile, also at the vendor, where that can be done and the person was alone in the conversation. This
    cannot be undone, so it asks first; where there is no terminal to ask on, --yes is required.
    """
    from unichat.cli.target import Target
    from unichat.conversations.erasing import PersonEraser, check_person
    from unichat.conversations.leases import Leases
    from unichat.execution.sync_performer import SyncPerformer
    from unichat.transport.base import REAL_TIME, Deadline

    person = check_person(user)
    with ExitStack() as stack:
        client = None
        if profile is not None:
            client = stack.enter_context(Target(profile=profile, config=config).client())
        opened = stack.enter_context(_open(store))
        if not yes:
            confirm(f"Remove everything about {person} from {opened.name}?", "Nothing was removed.")
        performer = SyncPerformer(REAL_TIME)
        leases = Leases(opened, 30.0, performer.start)
        stack.callback(leases.close)
        erasing = PersonEraser(
            store=opened,
            leases=leases,
            client=client,
            begin_deadline=lambda: Deadline(_SECONDS),
            caller=performer.caller,
        )
        report = performer.perform(erasing.erase(person))
    if as_json:
        output.print_json(
            {"removed": report.removed, "cleared": list(report.cleared), "not_cleared": dict(report.not_cleared)}
        )
        return
    output.print_text(f"Removed: {_count(report.removed)}.")
    for key in report.cleared:
        output.print_text(f"Cleared at the vendor: {key}.")
    for key, reason in report.not_cleared.items():
        output.print_text(f"Not cleared at the vendor: {key}: {reason}")


@command.command("expire")
@click.option("--older-than", required=True, metavar="AGE", help="A number with a unit: 90s, 15m, 12h or 30d.")
@_store
@options.as_json
def expire_command(older_than: str, store: str, as_json: bool) -> None:
    """Remove conversations that were not used for so long, and answers as old as that."""
    from unichat.conversations.erasing import check_age, expire
    from unichat.execution.sync_performer import SyncPerformer
    from unichat.transport.base import REAL_TIME, Deadline

    seconds = check_age(_parse_age(older_than))
    with _open(store) as opened:
        removed = SyncPerformer(REAL_TIME).perform(expire(opened, seconds, Deadline(_SECONDS)))
    if as_json:
        output.print_json({"removed": removed})
    else:
        output.print_text(f"Removed: {_count(removed)}.")


@command.command("questions")
@click.option("--since", metavar="ISO", help="A time, such as 2026-11-01T12:00Z; local if it has no zone.")
@_store
@options.as_json
def questions_command(since: str | None, store: str, as_json: bool) -> None:
    """List what people asked, oldest first; for a bot that keeps texts."""
    from unichat.conversations.questions import Position, read_questions, start_at

    position: Position | None = start_at(None if since is None else _parse_time(since))
    printed: list[Any] = []
    with _open(store) as opened:
        while position is not None:
            rows, position = _run(opened, partial(read_questions, position=position))
            for row in rows:
                if as_json:
                    printed.append(_question_json(row))
                    continue
                doubt = " (uncertain)" if row.uncertain else ""
                ratings = "".join(f" {rating.value}" for rating in row.ratings)
                output.print_text(f"{row.at.isoformat()} {row.key} {row.user or '-'}{doubt}{ratings}\n{row.question}\n")
    if as_json:
        output.print_json(printed)


def _question_json(row: Any) -> dict[str, Any]:
    return {
        "question": row.question,
        "answer": row.answer,
        "uncertain": row.uncertain,
        "ratings": [rating.value for rating in row.ratings],
        "at": row.at.isoformat(),
        "key": row.key,
        "user": row.user,
    }


@contextmanager
def _open(address: str) -> Iterator[Store]:
    from unichat.cli.target import configure_logging
    from unichat.conversations.stores.address import open_store

    configure_logging()
    store = open_store(address, create=False)
    try:
        yield store
    finally:
        store.close()


def _run(store: Store, function: Callable[[Transaction], T]) -> T:
    from unichat.conversations.stores.base import transact
    from unichat.execution.sync_performer import SyncPerformer
    from unichat.transport.base import REAL_TIME

    return SyncPerformer(REAL_TIME).perform(transact(store, function, writes=False))


def _read(address: str, function: Callable[[Transaction], T]) -> T:
    with _open(address) as store:
        return _run(store, function)


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _parse_age(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if match is None:
        raise click.UsageError(f"--older-than is {text!r}: give a number with a unit, such as 90s, 15m, 12h or 30d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise click.UsageError(f"--since is {text!r}: give a time such as 2026-11-01T12:00:00Z.") from error
    return found if found.tzinfo is not None else found.astimezone()
