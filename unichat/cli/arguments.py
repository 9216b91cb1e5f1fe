"""Arguments of `unichat call`: `name=text` and `name:=json`, read by the types of an operation's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, get_origin, get_type_hints

import click

from unichat._text.printable import quoted, trimmed
from unichat.adapter import Endpoint
from unichat.cli.failures import nearest
from unichat.config.kinds import from_text, members, options

_CONVERTED = {bool: "true or false", int: "a whole number", float: "a number"}


def arguments(endpoint: Endpoint, written: Iterable[str], filled: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation's keyword arguments.

    Args:
        endpoint: the operation.
        written: `name=text`, text unless the parameter can only be a number or a truth value, or `name:=json`.
        filled: what is known already; `written` wins.

    Raises:
        click.UsageError: one has neither form, an unknown name (the nearest is named), a name given before, or a value
            that cannot be read; or one that is needed is missing.
    """
    kinds = get_type_hints(endpoint.function)
    names = [parameter.name for parameter in endpoint.parameters]
    given: dict[str, Any] = {}
    for argument in written:
        name, equals, value = argument.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name:
            raise click.UsageError(f"{quoted(argument)} is no argument: write name=text or name:=json.")
        if name not in names:
            raise click.UsageError(
                f"{endpoint.name} has no parameter {quoted(name)}{nearest(name, names)}. It has: {', '.join(names)}."
            )
        if name in given:
            raise click.UsageError(f"{name} was given twice.")
        given[name] = _from_json(name, value) if is_json else _from_text(name, kinds.get(name, str), value)
    result = {**filled, **given}
    _check_complete(endpoint, result)
    return result


def _check_complete(endpoint: Endpoint, given: Mapping[str, Any]) -> None:
    missing = [
        parameter.name
        for parameter in endpoint.parameters
        if parameter.default is parameter.empty and parameter.name not in given
    ]
    if missing:
        example = " ".join(f"{name}=…" for name in missing)
        raise click.UsageError(f"{endpoint.name} needs {', '.join(missing)}: add {example}")


def _from_text(name: str, kind: Any, text: str) -> Any:
    kinds = members(kind)
    if any(each is str or each is Any for each in kinds) or text in options(kind):
        return text
    for each in kinds:
        value = from_text(each, text) if each in _CONVERTED else text
        if value is not text:
            return value
    if options(kind):
        raise click.UsageError(
            f"{name} is {quoted(text)}{nearest(text, options(kind))}. Accepted: {', '.join(options(kind))}."
        )
    wanted = [_CONVERTED[each] for each in kinds if each in _CONVERTED]
    if wanted:
        raise click.UsageError(f"{name} is {quoted(text)}, but should be {' or '.join(wanted)}.")
    example = "{…}" if any(issubclass(get_origin(each) or each, Mapping) for each in kinds) else "[…]"
    raise click.UsageError(f"{name} takes JSON: write {name}:='{example}'")


def _from_json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = trimmed(str(error))
    raise click.UsageError(f"{name} is no JSON ({problem}): {quoted(text)}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return table
