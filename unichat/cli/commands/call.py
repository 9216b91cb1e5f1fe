"""`unichat call`: one of the vendor's own operations."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from unichat._text.name_lists import list_names
from unichat._text.printable import format_value, shorten
from unichat.cli import completion, options, output
from unichat.cli.failures import suggestion

if TYPE_CHECKING:
    from unichat.adapter import Endpoint
    from unichat.cli.target import Target
    from unichat.config import ResolvedBackend


@click.command("call")
@click.argument("operation", shell_complete=completion.operations)
@click.argument("arguments", nargs=-1, metavar="[NAME=TEXT | NAME:=JSON]...", shell_complete=completion.parameters)
@click.option("--include", is_flag=True, help="Print status, headers and time of each response on standard error.")
@click.option("--no-check", is_flag=True, help="Send what the local checks would refuse, and unknown arguments.")
@click.option("--dry-run", is_flag=True, help="Print the request as a curl command line, and send nothing.")
@click.option("--show-secrets", is_flag=True, help="With --dry-run: with the secrets, so that the line runs.")
@options.target
def command(
    target: Target,
    operation: str,
    arguments: tuple[str, ...],
    include: bool,
    no_check: bool,
    dry_run: bool,
    show_secrets: bool,
) -> None:
    """Run one of the vendor's own operations.

    `unichat operations` lists them with their parameters. Ids from the settings are filled in. Prints the vendor's
    JSON; for a streamed operation, one record per line as it arrives.
    """
    from unichat.connecting import client_for

    if show_secrets and not dry_run:
        raise click.UsageError("--show-secrets goes with --dry-run: nothing else shows a secret.")
    if include and dry_run:
        raise click.UsageError("--include shows a response, and --dry-run sends nothing: give one.")
    resolved = target.resolve_backend()
    endpoint = _endpoint(resolved, operation)
    vendor_operation = _build(resolved, endpoint, arguments, unchecked=no_check)
    if dry_run:
        output.print_text(_curl_line(resolved, vendor_operation, show_secrets=show_secrets))
        return
    with client_for(resolved.backend, resolved.settings) as client:
        if include:
            from unichat.cli.response_heads import show_heads

            client = show_heads(client, vendor_operation)
        result = client.run(vendor_operation)
        if not endpoint.streamed:
            output.print_json(result.raw)
            return
        with result:
            for event in result:
                output.print_json(event.raw, indent=None)


def _build(resolved: ResolvedBackend, endpoint: Endpoint, arguments: tuple[str, ...], *, unchecked: bool) -> Any:
    """Return the operation that the arguments of the command make."""
    from unichat.cli.call_arguments import parse_arguments

    settings = resolved.settings
    from_settings = {name: getattr(settings, setting, None) for name, setting in endpoint.from_settings.items()}
    defaults = {name: value for name, value in from_settings.items() if value is not None}
    values = parse_arguments(endpoint, arguments, defaults, unchecked=unchecked)
    try:
        if unchecked:
            _note_refusal(endpoint, values)
            return endpoint.unchecked(**values)
        return endpoint.function(**values)
    except (AttributeError, TypeError, ValueError) as error:
        # JSON of a type that the operation does not expect, which the user can fix.
        raise click.UsageError(f"{endpoint.name} does not take these arguments ({shorten(str(error))}).") from error


def _note_refusal(endpoint: Endpoint, values: dict[str, Any]) -> None:
    """Say what the checks would have refused, if anything."""
    from unichat.errors import InvalidInput

    known = {parameter.name for parameter in endpoint.parameters}
    # An argument that is missing, or unknown, is a TypeError: nobody who leaves out the checks need be told.
    with suppress(TypeError):
        try:
            endpoint.function(**{name: value for name, value in values.items() if name in known})
        except InvalidInput as error:
            output.print_note(f"note: not checked: {error.message}")


def _curl_line(resolved: ResolvedBackend, operation: Any, *, show_secrets: bool) -> str:
    from unichat.cli.curl import command_line, masked_signatures
    from unichat.client.adapter_calls import build_adapter
    from unichat.connecting import client_for
    from unichat.execution.program import sign

    settings = resolved.settings
    if not show_secrets:
        signatures = masked_signatures(operation, build_adapter(resolved.backend, settings).credential)
        return command_line(operation, settings.base_url, signatures)
    with client_for(resolved.backend, settings) as client:
        # The operation is not sent, but a token that it needs may have to be fetched.
        signed = client._performer.perform(sign(operation, client._context.call(), client._context))
    return command_line(operation, settings.base_url, [(each.header, each.value) for each in signed])


def _endpoint(resolved: ResolvedBackend, name: str) -> Endpoint:
    names = resolved.backend.endpoints.names()
    if name not in names:
        problem = f"{resolved.backend.name} has no operation {format_value(name)}{suggestion(name, names)}"
        where = f"`unichat operations {resolved.backend.name}`"
        raise click.UsageError(f"{problem}. {list_names(name, names, label='It has', where=where)}")
    return resolved.backend.endpoints[name]
