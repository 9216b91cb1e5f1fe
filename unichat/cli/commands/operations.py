"""`unichat operations`: lists what a vendor's API has beyond the neutral calls."""

from __future__ import annotations

import inspect
import re
from types import NoneType
from typing import TYPE_CHECKING, Any, get_origin

import click

from unichat.cli import completion, options, output

if TYPE_CHECKING:
    from unichat.adapter import Endpoint
    from unichat.contract.descriptions import OperationSchemas


@click.command("operations")
@click.argument("backend", shell_complete=completion.backends)
@options.as_json
def command(backend: str, as_json: bool) -> None:
    """List a vendor's own operations.

    Each can be run with `unichat call`. Parameters in brackets are optional; those with a star are taken from the
    profile. With --json, each has the JSON Schemas of its parameters and of its answer, from the vendor's contract.
    """
    from unichat.config import registry

    found = registry.find(backend)
    if as_json:
        from unichat.contract.descriptions import describe_operations

        schemas = describe_operations(found)
        output.print_json([_as_json(endpoint, schemas[endpoint.name]) for endpoint in found.endpoints])
        return
    output.print_table(
        ("operation", "method", "path", "parameters"),
        [(each.name, each.method, each.path, " ".join(_parameters(each))) for each in found.endpoints],
    )


def _as_json(endpoint: Endpoint, schemas: OperationSchemas) -> dict[str, Any]:
    return {
        "name": endpoint.name,
        "method": endpoint.method,
        "path": endpoint.path,
        "streamed": endpoint.streamed,
        "reference": endpoint.reference,
        "parameters": [
            {
                "name": parameter.name,
                "type": _type_text(parameter.annotation),
                "schema": schemas.parameters[parameter.name],
                "required": _is_required(parameter),
                "from_settings": parameter.name in endpoint.from_settings,
            }
            for parameter in endpoint.parameters
        ],
        "answer": {"type": _answer_type(endpoint), "schema": schemas.answer},
    }


def _answer_type(endpoint: Endpoint) -> str:
    """Return the type of the operation's result, such as `ChatReply` of `Operation[ChatReply]`."""
    annotation = _type_text(inspect.signature(endpoint.function).return_annotation)
    return annotation.partition("[")[2].removesuffix("]") or annotation


def _type_text(annotation: Any) -> str:
    """Return a type as its author writes it, whether or not the module postpones annotations; without module names."""
    if isinstance(annotation, str):
        return annotation
    if annotation is inspect.Parameter.empty:
        return "Any"
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return "None" if annotation is NoneType else annotation.__name__
    return _MODULES.sub(lambda found: found["text"] or "", repr(annotation))


_MODULES = re.compile(r"""(?P<text>'[^']*'|"[^"]*")|(?:[A-Za-z_]\w*\.)+(?:<locals>\.)?""")
"""The names of modules in a type's `repr`; the texts of a `Literal` are left as they are."""


def _parameters(endpoint: Endpoint) -> list[str]:
    names = []
    for parameter in endpoint.parameters:
        name = f"{parameter.name}*" if parameter.name in endpoint.from_settings else parameter.name
        names.append(name if _is_required(parameter) else f"[{name}]")
    return names


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty
