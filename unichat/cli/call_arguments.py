"""The arguments of `unichat call`: `name=text` and `name:=json`, parsed by the types of an operation's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, get_origin, get_type_hints

import click

from unichat._text.name_lists import list_names
from unichat._text.printable import format_value, shorten
from unichat.adapter import Endpoint
from unichat.cli.failures import suggestion
from unichat.config.setting_types import literal_options, parse_text, union_members

_CONVERTIBLE = {bool: "true or false", int: "a whole number", float: "a number"}


def parse_arguments(
    endpoint: Endpoint, texts: Iterable[str], defaults: Mapping[str, Any], *, unchecked: bool = False
) -> dict[str, Any]:
    """Return an operation's keyword arguments.

    Args:
        endpoint: the operation.
        texts: `name=text`, which stays text unless the parameter can only be a number or a boolean, or `name:=json`.
        defaults: values by name, which `texts` override.
        unchecked: whether any name is known and none required, and a text that cannot be parsed stays text.

    Raises:
        click.UsageError: one has neither form, an unknown name, a name that is used twice, or a value that cannot be
            parsed; or a required one is missing.
    """
    types = get_type_hints(endpoint.function)
    names = [parameter.name for parameter in endpoint.parameters]
    values: dict[str, Any] = {}
    for argument in texts:
        name, equals, value = argument.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name:
            raise click.UsageError(f"{format_value(argument)} is not an argument: write name=text or name:=json.")
        if name not in names and not unchecked:
            where = f"`unichat operations {endpoint.backend}`"
            listed = list_names(name, names, label="It has", where=where)
            raise click.UsageError(
                f"{endpoint.name} has no parameter {format_value(name)}{suggestion(name, names)}. {listed}"
            )
        if name in values:
            raise click.UsageError(f"{name} was given twice.")
        values[name] = (
            _parse_json(name, value) if is_json else _parse_text(name, types.get(name, str), value, unchecked)
        )
    result = {**defaults, **values}
    if not unchecked:
        _check_complete(endpoint, result)
    return result


def _check_complete(endpoint: Endpoint, values: Mapping[str, Any]) -> None:
    missing = [
        parameter.name
        for parameter in endpoint.parameters
        if parameter.default is parameter.empty and parameter.name not in values
    ]
    if missing:
        example = " ".join(f"{name}=…" for name in missing)
        raise click.UsageError(f"{endpoint.name} needs {', '.join(missing)}: add {example}")


def _parse_text(name: str, annotation: Any, text: str, unchecked: bool) -> Any:
    types, options = union_members(annotation), literal_options(annotation)
    if any(each is str or each is Any for each in types) or text in options:
        return text
    for each in types:
        value = parse_text(each, text) if each in _CONVERTIBLE else text
        if value is not text:
            return value
    if unchecked:
        return text
    if options:
        raise click.UsageError(
            f"{name} is {format_value(text)}{suggestion(text, options)}. Accepted: {', '.join(options)}."
        )
    wanted = [_CONVERTIBLE[each] for each in types if each in _CONVERTIBLE]
    if wanted:
        raise click.UsageError(f"{name} is {format_value(text)}, but should be {' or '.join(wanted)}.")
    example = "{…}" if any(issubclass(get_origin(each) or each, Mapping) for each in types) else "[…]"
    raise click.UsageError(f"{name} takes JSON: write {name}:='{example}'")


def _parse_json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_reject_constant, object_pairs_hook=_reject_duplicate_keys)
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = shorten(str(error))
    raise click.UsageError(f"{name} is not JSON ({problem}): {format_value(text)}")


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key is used twice in one object")
    return table
