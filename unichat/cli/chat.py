"""`unichat chat`: a conversation in the terminal, or from a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.opening import Target


@click.command("chat")
@options.thread
@options.user
@options.target
def command(target: Target, thread: str | None, user: str | None) -> None:
    """Talk to a bot.

    Each line is a question; /help lists the commands, such as /up and /down to rate the last answer. Ctrl-C ends an
    answer that is on its way, or the chat. From a pipe, each line is a question or command, and the end of the lines is
    the end of the chat. Without any config the sandbox answers.
    """
    from unichat.cli.conversation import Conversation
    from unichat.cli.prompting import is_interactive, piped, typed
    from unichat.models import ThreadRef

    # Read before anything else: a chat whose every question must fail should not begin.
    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference) as opened:
        conversation = Conversation(opened.client, thread=reference, user=user)
        interactive = is_interactive()
        if interactive:
            output.note("Ask away. /help lists the commands; Ctrl-D ends.")
        for line in typed() if interactive else piped():
            try:
                if not conversation.take(line):
                    break
            except KeyboardInterrupt:
                if not interactive:
                    raise
                output.note("Stopped. The vendor may count the question as asked all the same.")
