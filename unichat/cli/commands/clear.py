"""`unichat clear`: removes a conversation, where the vendor can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat.cli import options, output
from unichat.cli.confirming import confirm

if TYPE_CHECKING:
    from unichat.cli.target import Target
    from unichat.client.sync_client import Client


@click.command("clear")
@options.thread
@options.user
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@options.target_or_sandbox
def command(target: Target, thread: str | None, user: str | None, yes: bool) -> None:
    """Clear a conversation.

    That of a thread, of a user, or of the owner of the key. This cannot be undone, so it asks first; where there is
    no terminal to ask on, --yes is required.
    """
    from unichat.models import ThreadRef

    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference) as opened:
        client = opened.client
        # A backend that cannot clear says so without asking first.
        if client.capabilities.clear_history and not yes:
            confirm(f"Clear {_describe_conversation(client, thread, user)}?", "Nothing was cleared.")
        result = client.clear_history(reference, user=user)
    output.print_text(
        f"{result.outcome.value.replace('_', ' ').capitalize()}: {_describe_conversation(client, thread, user)}."
    )


def _describe_conversation(client: Client, thread: str | None, user: str | None) -> str:
    if thread is not None:
        return f"the conversation of the thread {thread} at {client.backend}"
    if user is not None:
        return f"the conversation of {user} at {client.backend}"
    return f"the conversation of the key's owner at {client.backend}"
