"""The command `unichat` itself: its commands, each of which is imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

import unichat
from unichat._text.printable import format_value
from unichat.cli.failures import EXIT_CODES, discard_output, handle_exception, suggestion

COMMANDS = {
    "demo": "Show both vendors side by side, in a sandbox.",
    "ask": "Ask one question.",
    "chat": "Talk to a bot.",
    "history": "List past questions and answers.",
    "feedback": "Rate an answer.",
    "clear": "Clear a conversation.",
    "profiles": "List the profiles of the config file.",
    "doctor": "Check a profile and say what to fix.",
    "operations": "List a vendor's own operations.",
    "call": "Run one of the vendor's own operations.",
    "conversations": "Look at a bot's store of conversations, and remove from it.",
    "contract": "Check whether a vendor's API has changed.",
    "sandbox": "Serve simulated vendors until Ctrl-C.",
    "new-adapter": "Write the package of a new adapter.",
}
"""The commands, in the order of the help. Each is `command` in `commands/`, in the module of its name (`_` for `-`)."""

_COMPLETION = {
    "bash": 'eval "$(_UNICHAT_COMPLETE=bash_source unichat)"',
    "zsh": 'eval "$(_UNICHAT_COMPLETE=zsh_source unichat)"',
    "fish": "_UNICHAT_COMPLETE=fish_source unichat | source",
}


class _LazyGroup(click.Group):
    """A group that imports a command when it is called, so that the help does not cost the imports of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"unichat.cli.commands.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command {format_value(name)}{suggestion(name, COMMANDS)}.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])
        with formatter.section("Completion (a line for the shell's start file)"):
            formatter.write_dl(list(_COMPLETION.items()))


@click.command(
    "unichat",
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One interface to hosted support bots. Start with `unichat demo`, which needs no account.",
)
@click.version_option(unichat.__version__, message="unichat %(version)s")
@click.option("--config", type=click.Path(), metavar="FILE", help="The config file; can also come after the command.")
@click.option("--debug", is_flag=True, envvar="UNICHAT_DEBUG", help="Show the log, and tracebacks of errors.")
def application(config: str | None, debug: bool) -> None:
    """Do nothing: the commands look up these options in the outermost context."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. An error is printed to standard error, in one line."""
    if "_UNICHAT_COMPLETE" in os.environ:
        # The shell asks for completions: click prints them and ends the process.
        application.main(prog_name="unichat")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Characters that the terminal cannot show are escaped, and do not raise a UnicodeEncodeError.
            stream.reconfigure(errors="backslashreplace")
    context: click.Context | None = None
    try:
        # Not click's own main(), which exits with 1 on a closed pipe. click does not know NO_COLOR either.
        color = False if os.environ.get("NO_COLOR") else None
        context = application.make_context("unichat", list(arguments) or ["--help"], color=color)
        with context:
            application.invoke(context)
        sys.stdout.flush()
    except BaseException as error:
        return handle_exception(error, context)
    finally:
        discard_output()
    return 0
