"""`unichat history`: past questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target


@click.command("history")
@options.thread
@options.user
@click.option("--limit", type=int, metavar="N", help="Maximum number.")
@click.option("--newest-first", is_flag=True, help="Newest first instead of oldest first.")
@options.as_json
@options.target_or_sandbox
def command(
    target: Target, thread: str | None, user: str | None, limit: int | None, newest_first: bool, as_json: bool
) -> None:
    """List past questions and answers.

    Those of a thread, of a user, or of the whole project or bot. They are fetched as they are printed, a page at a
    time; with --json they are printed as one list at the end.
    """
    from unichat.models import ThreadRef

    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference, as_json=as_json) as opened:
        exchanges = opened.client.history(reference, user=user, limit=limit, newest_first=newest_first)
        if as_json:
            # All or nothing: half a list is not valid JSON.
            output.print_json([output.exchange_json(exchange) for exchange in exchanges])
            return
        found = False
        for exchange in exchanges:
            # Of one thread, each would say the same.
            output.print_exchange(exchange, thread=reference is None)
            found = True
        if not found:
            output.print_note("note: nothing was asked there")
