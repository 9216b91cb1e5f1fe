"""Settings checked: from what was given to an instance of the backend's settings class, or to every mistake in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from attrs import NOTHING, Attribute, Factory, fields, resolve_types
from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from unichat._text.printable import quoted
from unichat._text.templates import PythonOnly, Template
from unichat.config.given import UNREADABLE, Given
from unichat.config.kinds import described, from_text, is_function, is_known, is_secret, members, options
from unichat.config.problems import Problem, from_error, nearest, unknown
from unichat.config.references import secret_from
from unichat.errors import ConfigError


def settings_of(kind: type[Any]) -> tuple[Attribute[Any], ...]:
    """Return the settings of a settings class, their types resolved.

    Raises:
        ConfigError: one has a type that config cannot read, which is a mistake of the adapter's.
    """
    attributes = tuple(item for item in fields(resolve_types(kind)) if item.init)
    for item in attributes:
        if not is_known(item.type):
            raise ConfigError(
                f"the adapter's setting {item.name} has the type {item.type}, which no config can give",
                key=item.name,
                hint=Template(
                    PythonOnly(
                        "Its author can use str, int, float, bool, Literal, Mapping[str, …], Secret and TokenProvider."
                    )
                ),
            )
    return attributes


def build(kind: type[Any], given: Mapping[str, Given], *, place: str) -> tuple[Any, list[Problem]]:
    """Return an instance of the settings class `kind`, or None and all that is wrong with what was given.

    Args:
        kind: the settings class.
        given: the settings by name, those of the environment included.
        place: what a missing setting is missing from.
    """
    attributes = settings_of(kind)
    good: dict[str, Any] = {}
    converter = _converter()
    hooks = {item.name: override(struct_hook=partial(_checked, item, converter, good)) for item in attributes}
    structure = make_dict_structure_fn(kind, converter, **hooks)  # type: ignore[arg-type]  # options or hooks, by name
    try:
        return structure(given, kind), []
    except ClassValidationError as error:
        of_settings, others = error.group_exceptions()
        problems = [
            problem
            for exception, note in of_settings
            for problem in _problems(getattr(fields(kind), note.name), exception, given.get(note.name), place)
        ]
    names = tuple(item.name for item in attributes)
    problems += [
        unknown("setting", name, names, place=given[name].source.place, advice=_advice(name, given[name]))
        for name in given
        if name not in names
    ]
    for other in others:
        if not isinstance(other, ConfigError | ForbiddenExtraKeysError):
            raise other  # The adapter's own bug: no config can mend it, so it shows as it is.
    # Checks that look at several settings ran only if each was fine and none unknown.
    across = [item for item in others if isinstance(item, ConfigError)] or _checks_across(kind, attributes, given, good)
    for failure in across:
        about = given.get(failure.key or "")
        problems.append(from_error(failure, about.source.place if about else place))
    return None, problems


class _Reported(Exception):
    """The value was found unusable before, and that has been said."""


def _checked(item: Attribute[Any], converter: Converter, good: dict[str, Any], given: Given, _: object) -> Any:
    if given.value is UNREADABLE:
        raise _Reported
    value, source = given.value, given.source
    if source.form in ("url", "environment"):
        value = from_text(item.type, value)
    takes_function = any(is_function(member) for member in members(item.type))
    if takes_function and source.form == "keyword" and callable(value):
        result = value
    elif is_secret(item.type):
        result = secret_from(value, key=item.name, source=source)
    else:
        result = converter.structure(value, cast(Any, item.type))
    # EndpointContext and not only in __init__, which would stop at the first setting that is wrong.
    if item.validator is not None:
        item.validator(None, item, result)
    good[item.name] = result
    return result


def _problems(item: Attribute[Any], exception: Exception, given: Given | None, place: str) -> list[Problem]:
    if isinstance(exception, _Reported):
        return []
    if given is None:
        return [_missing(item, place)]
    if isinstance(exception, ConfigError):
        return [from_error(exception, given.source.place)]
    accepted = options(item.type)
    like = nearest(given.value, accepted) if isinstance(given.value, str) else None
    value = f"of the type {type(given.value).__name__}" if is_secret(item.type) else quoted(given.value)
    return [
        Problem(
            f"{item.name} is {value}, but should be {described(item.type)}",
            place=given.source.place,
            hint=f"Did you mean {quoted(like)}?" if like else str(item.metadata.get("help", "")),
            key=item.name,
            accepted=accepted,
            nearest=like,
        )
    ]


def _missing(item: Attribute[Any], place: str) -> Problem:
    variable = item.metadata.get("env")
    example = f'{item.name} = {{env = "…"}} in a profile' if is_secret(item.type) else item.name
    return Problem(
        f"{item.name} is missing ({item.metadata.get('help', '').rstrip('.') or 'it has no default'})",
        place=place,
        hint=f"Set {variable} in the environment, or give {example}." if variable else f"Give {example}.",
        key=item.name,
    )


def _advice(name: str, given: Given) -> str:
    if "verify" in name.lower():
        return "certificates are always checked; ca_bundle names the authorities to trust"
    if name in ("backend", "url") and given.source.form == "keyword":
        return 'a backend or a URL is the first argument, without a name: connect("kapa", …)'
    if name == "profile" and given.source.form == "file":
        return "a profile cannot name another, or itself"
    return ""


def _checks_across(
    kind: type[Any], attributes: tuple[Attribute[Any], ...], given: Mapping[str, Given], good: Mapping[str, Any]
) -> list[ConfigError]:
    """Run the class's checks of several settings on those that are fine: their mistakes show in the same run."""
    check = getattr(kind, "__attrs_post_init__", None)
    if check is None:
        return []
    trial = object.__new__(kind)
    for item in attributes:
        if item.name in good:
            object.__setattr__(trial, item.name, good[item.name])
        elif (
            item.name not in given
            and item.default is not NOTHING
            and not isinstance(
                item.default,
                Factory,  # type: ignore[arg-type]  # a class, typed as a function
            )
        ):
            object.__setattr__(trial, item.name, item.default)
    try:
        check(trial)
    except ConfigError as error:
        return [error]
    except Exception:
        # The check looks at a setting that is itself wrong or missing, or at what follows from it.
        return []
    return []


def _converter() -> Converter:
    """Return a converter that takes values as they are: True is no number, and "5" is none either."""
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    for plain in (str, bool, int):
        converter.register_structure_hook(plain, partial(_exactly, plain))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(
        lambda kind: len(members(kind)) > 1 or members(kind) != (kind,), partial(_any_of, converter)
    )
    return converter


def _exactly(plain: type[Any], value: object, _: object) -> Any:
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise TypeError(type(value).__name__)
    return value


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(type(value).__name__)
    return float(value)


def _any_of(converter: Converter, value: object, kind: Any) -> Any:
    for member in members(kind):
        try:
            return converter.structure(value, member)
        except Exception:  # noqa: S112 - the next member may accept it
            continue
    raise TypeError(type(value).__name__)
