"""`unichat chat`: a conversation in the terminal, or from a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target


@click.command("chat")
@options.thread
@options.user
@options.target_or_sandbox
def command(target: Target, thread: str | None, user: str | None) -> None:
    """Talk to a bot.

    Each line is a question; /help lists the commands, such as /up and /down to rate the last answer. Ctrl-C stops the
    answer that is arriving, or else ends the chat. From a pipe, each line is a question or a command, and the chat ends
    with the last. With --sandbox, a simulated vendor answers; on a terminal also where there is no config.
    """
    from unichat.cli.conversation import Conversation
    from unichat.cli.line_input import is_interactive, read_piped_lines, read_typed_lines
    from unichat.models import ThreadRef

    # Parsed first: a chat in which every question must fail should not begin.
    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference) as opened:
        conversation = Conversation(opened.client, thread=reference, user=user)
        interactive = is_interactive()
        if interactive:
            output.print_note("Ask away. /help lists the commands; Ctrl-D ends.")
        for line in read_typed_lines() if interactive else read_piped_lines():
            try:
                if not conversation.handle_line(line):
                    break
            except KeyboardInterrupt:
                if not interactive:
                    raise
                asked = "" if line.startswith("/") else " The vendor may still count the question as asked."
                output.print_note(f"Stopped.{asked}")
