"""`unichat operations`: lists what a vendor's API has beyond the neutral calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unichat.cli import completion, options, output

if TYPE_CHECKING:
    import inspect

    from unichat.adapter import Endpoint


@click.command("operations")
@click.argument("backend", shell_complete=completion.backends)
@options.as_json
def command(backend: str, as_json: bool) -> None:
    """List a vendor's own operations.

    Each can be run with `unichat call`. Parameters in brackets are optional; those with a star are taken from the
    profile.
    """
    from unichat.config import registry

    endpoints = registry.find(backend).endpoints
    if as_json:
        output.print_json([_as_json(endpoint) for endpoint in endpoints])
        return
    output.print_table(
        ("operation", "method", "path", "parameters"),
        [(each.name, each.method, each.path, " ".join(_parameters(each))) for each in endpoints],
    )


def _as_json(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "name": endpoint.name,
        "method": endpoint.method,
        "path": endpoint.path,
        "streamed": endpoint.streamed,
        "reference": endpoint.reference,
        "parameters": [
            {
                "name": parameter.name,
                "type": str(parameter.annotation),
                "required": _is_required(parameter),
                "from_settings": parameter.name in endpoint.from_settings,
            }
            for parameter in endpoint.parameters
        ],
    }


def _parameters(endpoint: Endpoint) -> list[str]:
    names = []
    for parameter in endpoint.parameters:
        name = f"{parameter.name}*" if parameter.name in endpoint.from_settings else parameter.name
        names.append(name if _is_required(parameter) else f"[{name}]")
    return names


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty
