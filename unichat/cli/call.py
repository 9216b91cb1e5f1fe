"""`unichat call`: one of the vendor's own operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unichat._text.name_lists import list_names
from unichat._text.printable import format_value, shorten
from unichat.cli import completion, options, output
from unichat.cli.failures import suggestion

if TYPE_CHECKING:
    from unichat.adapter import Endpoint
    from unichat.cli.target import Target
    from unichat.config import ResolvedConfig


@click.command("call")
@click.argument("operation", shell_complete=completion.operations)
@click.argument("arguments", nargs=-1, metavar="[NAME=TEXT | NAME:=JSON]...", shell_complete=completion.parameters)
@click.option("--dry-run", is_flag=True, help="Print the request as a curl command line, and send nothing.")
@options.target
def command(target: Target, operation: str, arguments: tuple[str, ...], dry_run: bool) -> None:
    """Run one of the vendor's own operations.

    `unichat operations` lists them with their parameters. Ids from the settings are filled in. Prints the vendor's
    JSON; for a streamed operation, one record per line as it arrives.
    """
    from unichat.cli.call_arguments import parse_arguments
    from unichat.connecting import client_for

    resolved = target.resolve()
    endpoint = _endpoint(resolved, operation)
    settings = resolved.settings
    from_settings = {name: getattr(settings, setting, None) for name, setting in endpoint.from_settings.items()}
    defaults = {name: value for name, value in from_settings.items() if value is not None}
    values = parse_arguments(endpoint, arguments, defaults)
    try:
        vendor_operation = endpoint.function(**values)
    except (AttributeError, TypeError, ValueError) as error:
        # JSON of a type that the operation does not expect, which the user can fix.
        raise click.UsageError(f"{operation} does not take these arguments ({shorten(str(error))}).") from error
    if dry_run:
        from unichat.cli.curl import command_line
        from unichat.client.adapter_calls import build_adapter

        credentials = build_adapter(resolved.backend, settings).credential
        output.print_text(command_line(vendor_operation, settings.base_url, credentials))
        return
    with client_for(resolved.backend, settings) as client:
        result = client.run(vendor_operation)
        if not endpoint.streamed:
            output.print_json(result.raw)
            return
        with result:
            for event in result:
                output.print_json(event.raw, indent=None)


def _endpoint(resolved: ResolvedConfig, name: str) -> Endpoint:
    names = resolved.backend.endpoints.names()
    if name not in names:
        problem = f"{resolved.backend.name} has no operation {format_value(name)}{suggestion(name, names)}"
        where = f"`unichat operations {resolved.backend.name}`"
        raise click.UsageError(f"{problem}. {list_names(name, names, label='It has', where=where)}")
    return resolved.backend.endpoints[name]
