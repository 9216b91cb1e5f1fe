"""`unichat new-adapter`: the package of a new adapter, to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from unichat.cli import output


@click.command("new-adapter")
@click.argument("name")
@click.argument("folder", type=click.Path())
@click.option("--streams", is_flag=True, help="The vendor streams its answers.")
@click.option(
    "--api",
    type=click.Choice(["plain", "openai"]),
    default="plain",
    show_default=True,
    help="An API of the vendor's own, or OpenAI's chat completions.",
)
def command(name: str, folder: str, streams: bool, api: str) -> None:
    """Write the package of a new adapter.

    The package is called unichat-NAME and stands in FOLDER, which must be missing or empty. It holds an adapter, a
    simulator, and tests, all of which pass, for an invented vendor; what to decide for yours is marked in the code.
    """
    from unichat.scaffold import new_adapter

    files = new_adapter(name, folder, streams=streams, api=api)  # type: ignore[arg-type]
    output.print_text(f"Wrote unichat-{name}, {len(files)} files:")
    for path in files:
        output.print_text(f"  {path}")
    output.print_text()
    output.print_text("Install it, and run its tests:")
    output.print_text(f"  pip install -e {shlex.quote(f'{folder}[dev]')}")
    output.print_text(f"  pytest {shlex.quote(folder)}")
    output.print_text("List what to decide:")
    output.print_text(f"  grep -rn -A2 'DECIDE(' {shlex.quote(str(Path(folder) / f'unichat_{name}'))}")
