"""From raw values to an instance of a backend's settings class, or to every mistake in them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, cast, get_args

from attrs import NOTHING, Attribute, Factory, fields, resolve_types
from cattrs import Converter

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.config.problems import Problem, nearest, problem_from_error, unknown_name
from unichat.config.raw_values import UNREADABLE, RawValue
from unichat.config.references import resolve_secret
from unichat.config.setting_types import (
    describe_type,
    is_secret,
    is_sequence,
    is_supported,
    literal_options,
    matches_type,
    parse_text,
    union_members,
)
from unichat.config.small_files import expand_user_path
from unichat.errors import ConfigError
from unichat.routing.settings import ROUTE_KEYS


def setting_attributes(settings_class: type[Any]) -> tuple[Attribute[Any], ...]:
    """Return the settings of a settings class, their types resolved.

    Raises:
        ConfigError: one has a type that config does not support, which is a bug in the adapter.
    """
    attributes = tuple(item for item in fields(resolve_types(settings_class)) if item.init)
    for item in attributes:
        if not is_supported(item.type):
            raise ConfigError(
                f"the adapter's setting {item.name} has the type {item.type}, which config does not support",
                key=item.name,
                hint=Template(
                    PythonOnly(
                        "Its author can use str, int, float, bool, Literal, Mapping[str, …], tuple[…, ...], Secret, "
                        "functions."
                    )
                ),
            )
    return attributes


def build_settings(
    settings_class: type[Any], raw_values: Mapping[str, RawValue], *, location: str
) -> tuple[Any, list[Problem]]:
    """Return an instance of `settings_class`, or None and every mistake in the raw values.

    Args:
        settings_class: the attrs class.
        raw_values: the settings by name, including those of the environment.
        location: where a missing setting should have been.
    """
    attributes = setting_attributes(settings_class)
    known = {item.name: item for item in attributes}
    valid: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, item in known.items():
        raw_value = raw_values.get(name)
        if raw_value is None:
            if item.default is NOTHING:
                problems.append(_missing_setting(item, location))
        elif raw_value.value is not UNREADABLE:  # What could not be read has been reported already.
            try:
                valid[name] = _convert(item, raw_value)
            except Exception as error:
                problems.append(_describe_failure(item, error, raw_value))
    problems += [
        unknown_name("setting", name, known, location=value.source.location, advice=_advise(name, value))
        for name, value in raw_values.items()
        if name not in known
    ]
    if not problems and len(valid) == len(raw_values):
        try:
            return settings_class(**{known[name].alias or name: value for name, value in valid.items()}), []
        except ConfigError as error:
            # Of the class's own checks of several settings. Any other error is a bug in the adapter.
            failures = [error]
    else:
        failures = _run_cross_checks(settings_class, attributes, raw_values, valid)
    for failure in failures:
        about = raw_values.get(failure.key or "")
        problems.append(problem_from_error(failure, about.source.location if about else location))
    return None, problems


def _convert(item: Attribute[Any], raw_value: RawValue) -> Any:
    value, source = raw_value.value, raw_value.source
    if source.form in ("url", "environment"):
        value = parse_text(item.type, value)
    if source.form == "keyword" and any(matches_type(member, value) for member in union_members(item.type)):
        result = value
    elif is_secret(item.type):
        result = resolve_secret(value, key=item.name, source=source)
    else:
        result = _converter().structure(value, cast(Any, item.type))
    # Validated here, since __init__ would stop at the first invalid setting.
    if item.validator is not None:
        item.validator(None, item, result)
    if item.metadata.get("path") and isinstance(result, str):
        result = str(_locate(result, item.name, source.folder))
    return result


def _locate(path: str, name: str, folder: Path) -> Path:
    problem = ""
    try:
        return folder / expand_user_path(path)
    except ConfigError as error:
        problem = error.message
    raise ConfigError(f"{name}: {problem}", key=name, hint="Write the whole path.")


def _describe_failure(item: Attribute[Any], exception: Exception, raw_value: RawValue) -> Problem:
    if isinstance(exception, ConfigError):
        return problem_from_error(exception, raw_value.source.location)
    # Those of a list's values, where it is one.
    accepted = literal_options(get_args(item.type)[0] if is_sequence(item.type) else item.type)
    closest = _find_nearest(raw_value.value, accepted)
    value = f"of the type {type(raw_value.value).__name__}" if is_secret(item.type) else format_value(raw_value.value)
    return Problem(
        f"{item.name} is {value}, but should be {describe_type(item.type)}",
        location=raw_value.source.location,
        hint=f"Did you mean {format_value(closest)}?" if closest else str(item.metadata.get("help", "")),
        key=item.name,
        accepted=accepted,
        nearest=closest,
    )


def _find_nearest(value: object, accepted: tuple[str, ...]) -> str | None:
    """Return the accepted text that is most like a value, or like a list's first value that is not accepted."""
    given = value if isinstance(value, list | tuple) else [value]
    wrong = next((each for each in given if each not in accepted), None)
    return nearest(wrong, accepted) if isinstance(wrong, str) else None


def _missing_setting(item: Attribute[Any], location: str) -> Problem:
    variable = item.metadata.get("env")
    example = f'{item.name} = {{env = "…"}} in a profile' if is_secret(item.type) else item.name
    return Problem(
        f"{item.name} is missing ({item.metadata.get('help', '').rstrip('.') or 'it has no default'})",
        location=location,
        hint=f"Set {variable} in the environment, or give {example}." if variable else f"Give {example}.",
        key=item.name,
    )


def _advise(name: str, raw_value: RawValue) -> str:
    if "verify" in name.lower():
        return "certificates are always checked; ca_bundle names the authorities to trust"
    if name in ("backend", "url") and raw_value.source.form == "keyword":
        return 'a backend or a URL is the first argument, without a name: connect("kapa", …)'
    if name == "profile" and raw_value.source.form == "file":
        return "a profile cannot name another, or itself"
    if name in ROUTE_KEYS:
        return f"it is a key of a route, which has {' or '.join(ROUTE_KEYS[name])} instead of a backend"
    return ""


def _run_cross_checks(
    settings_class: type[Any],
    attributes: tuple[Attribute[Any], ...],
    raw_values: Mapping[str, RawValue],
    valid: Mapping[str, Any],
) -> list[ConfigError]:
    """Run the class's checks of several settings on the valid ones, so that their mistakes show in the same run."""
    check = getattr(settings_class, "__attrs_post_init__", None)
    if check is None:
        return []
    trial = object.__new__(settings_class)
    for item in attributes:
        if item.name in valid:
            object.__setattr__(trial, item.name, valid[item.name])
        elif (
            item.name not in raw_values
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
        # The check needs a setting that is itself invalid or missing.
        return []
    return []


@cache
def _converter() -> Converter:
    """Return a converter that coerces nothing: neither True nor "5" is a number."""
    converter = Converter()
    for plain in (str, bool, int):
        converter.register_structure_hook(plain, partial(_require_type, plain))
    converter.register_structure_hook(float, _require_number)
    converter.register_structure_hook_func(is_sequence, partial(_structure_sequence, converter))
    converter.register_structure_hook_func(
        lambda annotation: union_members(annotation) != (annotation,),
        partial(_structure_union, converter),
    )
    return converter


def _require_type(plain: type[Any], value: object, _: object) -> Any:
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise TypeError(type(value).__name__)
    return value


def _require_number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(type(value).__name__)
    return float(value)


def _structure_sequence(converter: Converter, value: object, annotation: Any) -> tuple[Any, ...]:
    # Not text, which has its characters as members.
    if not isinstance(value, list | tuple):
        raise TypeError(type(value).__name__)
    return tuple(converter.structure(member, get_args(annotation)[0]) for member in value)


def _structure_union(converter: Converter, value: object, annotation: Any) -> Any:
    for member in union_members(annotation):
        try:
            return converter.structure(value, member)
        except Exception:  # noqa: S112 - the next member may accept it
            continue
    raise TypeError(type(value).__name__)
