"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from unichat.cli import completion

Command = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
thread = click.option("--thread", metavar="REF", help="The conversation, as `ask` and `history` print it.")
user = click.option("--user", metavar="ID", help="The person who asks, by your own id.")

config = click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    # The outermost --config counts where the command has none of its own.
    callback=lambda ctx, param, value: ctx.find_root().params.get("config") if value is None else value,
    help="The config file; default: UNICHAT_CONFIG, or the unichat.toml found from here upwards.",
)
profile = click.option(
    "--profile",
    metavar="NAME",
    shell_complete=completion.profiles,
    help="The profile; default: UNICHAT_PROFILE, or the file's default.",
)
backend = click.option(
    "--backend",
    metavar="NAME|URL",
    shell_complete=completion.backends,
    help="A backend instead of a profile, with its settings from the environment; or a URL.",
)
sandbox = click.option(
    "--sandbox", is_flag=True, help="A simulated vendor that answers from unichat's docs; --backend says which."
)
deadline = click.option(
    "--deadline", type=float, metavar="SECONDS", help="For each call, including attempts and waits."
)


def target(command: Command) -> Command:
    """Add the options that select a bot to a command, which gets them as one `Target`."""

    @profile
    @config
    @backend
    @deadline
    @wraps(command)
    def with_target(
        profile: str | None,
        config: str | None,
        backend: str | None,
        deadline: float | None,
        sandbox: bool = False,
        **others: Any,
    ) -> Any:
        # Imported here: the help of a command should not cost the client's imports.
        from unichat.cli.target import Target

        return command(
            Target(profile=profile, config=config, backend=backend, deadline=deadline, sandbox=sandbox),
            **others,
        )

    return with_target


def target_or_sandbox(command: Command) -> Command:
    """Do what `target` does, for a command that a simulated vendor can serve as well."""
    return sandbox(target(command))
