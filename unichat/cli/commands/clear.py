"""`unichat clear`: removes a conversation, where the vendor can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat.cli import options, output
from unichat.cli.confirming import confirm
from unichat.cli.failures import option_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unichat.cli.target import Target
    from unichat.client.sync_client import Client
    from unichat.models import ClearResult, ThreadRef


@click.command("clear")
@options.thread
@options.user
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@options.target_or_sandbox
def command(target: Target, thread: str | None, user: str | None, yes: bool) -> None:
    """Clear a conversation.

    That of a thread, of a user, or of the owner of the key. This cannot be undone, so it asks first; where there is
    no terminal to ask on, --yes is required. On a route, it says what each member did.
    """
    from unichat.cli.words import describe_error
    from unichat.errors import UnichatError
    from unichat.models import ThreadRef

    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference) as opened:
        client = opened.client
        conversation = _describe_conversation(reference, user, tuple(client.members) or (client.backend,))
        # A backend that cannot clear says so without asking first.
        if _can_clear(client) and not yes:
            confirm(f"Clear {conversation}?", "Nothing was cleared.")
        result = client.clear_history(reference, user=user)
    # Of a route's members, those that did so: a line for each follows.
    done = tuple(name for name, part in result.parts.items() if getattr(part, "outcome", None) is result.outcome)
    conversation = _describe_conversation(reference, user, done or (client.backend,))
    output.print_text(f"{_describe_outcome(result)}: {conversation}.")
    for name, part in result.parts.items():
        if isinstance(part, UnichatError):
            options_given = option_names(click.get_current_context().find_root())
            output.print_text(f"{name}: not cleared: {describe_error(part, options_given)}")
        else:
            output.print_text(f"{name}: {_describe_outcome(part).lower()}")


def _can_clear(client: Client) -> bool:
    """Return whether a backend can clear conversations, or any member of a route."""
    return client.capabilities.clear_history or any(map(_can_clear, client.members.values()))


def _describe_outcome(result: ClearResult) -> str:
    return result.outcome.value.replace("_", " ").capitalize()


def _describe_conversation(thread: ThreadRef | None, user: str | None, places: Sequence[str]) -> str:
    """Return whose conversation it is, and where: at the vendor, or at these members of a route."""
    if thread is not None:
        return f"the conversation of the thread {thread} at {thread.backend}"
    person = "the key's owner" if user is None else user
    return f"the conversation of {person} at {', '.join(places)}"
