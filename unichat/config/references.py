"""Secrets by reference: from the environment, a file or the system's keyring, fetched only when they are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from unichat._text.printable import format_value, shorten
from unichat.adapter import Secret
from unichat.config.problems import nearest
from unichat.config.raw_values import Source
from unichat.config.small_files import expand_user_path, read_small_file
from unichat.errors import ConfigError

FORMS = '{env = "NAME"}, {file = "PATH"} or {keyring = "SERVICE/USERNAME"}'
_LIMIT = 1 << 16  # bytes
_UNEXPANDED = re.compile(
    r"""\$([A-Za-z_]\w*)|\$\{(?:env[.:])?([A-Za-z_]\w*)(?::?[-?].*)?\}|\$env:([A-Za-z_]\w*)|%([A-Za-z_]\w*)%"""
    r"""|\{\{\s*(?:env\.)?([A-Za-z_]\w*)\s*\}\}|\{([A-Za-z_]\w*)\}|env:(?://)?([A-Za-z_]\w*)"""
    r"""|\{\s*env\s*=\s*["']?([A-Za-z_]\w*)["']?\s*\}""",
    re.ASCII,
)
"""Variables as shells, PowerShell, cmd, Compose, Jinja and others write them: none of them reads this config."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve_secret(value: Any, *, key: str, source: Source) -> Secret:
    """Return the secret that `value` is, or refers to.

    Args:
        value: a `Secret`, text, or a reference: a mapping with one of the keys `env`, `file` and `keyring`.
        key: the setting's name.
        source: where the value comes from.

    Raises:
        ConfigError: the reference cannot be resolved, or the text cannot be a secret. The text is never shown.
    """
    if isinstance(value, Secret):
        return value
    if isinstance(value, Mapping):
        return Secret(_fetch(value, key, source), name=key)
    if isinstance(value, str) and (variable := _find_variable(value)):
        raise _variable_error(variable, key, source)
    if source.form == "url" and isinstance(value, str) and " " in value:
        # A plus in base64 text that was pasted into a URL means a space there; the vendor would just reject it.
        raise ConfigError(f"{key} has a space in it", key=key, hint="In a URL, write a plus as %2B.")
    return Secret(value, name=key)


def _find_variable(text: str) -> str | None:
    """Return the name in a text that is a variable of a shell or of another program's config; None if it is none."""
    match = _UNEXPANDED.fullmatch(text.strip())
    return next(filter(None, match.groups()), None) if match else None


def _variable_error(variable: str, key: str, source: Source) -> ConfigError:
    # Shown only if there is such a variable: a secret may look like one.
    name = variable if variable in source.environ else "NAME"
    return ConfigError(
        f"{key} is a variable that nothing has replaced by its value",
        key=key,
        hint=f'Only a reference is replaced: {key} = {{env = "{name}"}} in a profile.',
    )


def _fetch(reference: Mapping[str, Any], key: str, source: Source) -> str:
    if len(reference) != 1:
        raise ConfigError(f"{key} is a table of {len(reference)} keys", key=key, hint=f"A reference is {FORMS}.")
    ((form, target),) = reference.items()
    fetch = _FETCHERS.get(form)
    if fetch is None:
        closest = nearest(str(form), _FETCHERS)
        raise ConfigError(
            f"{key} has a reference of the unknown kind {format_value(form)}",
            key=key,
            accepted=tuple(_FETCHERS),
            nearest=closest,
            hint=(f"Did you mean {format_value(closest)}? " if closest else "") + f"A reference is {FORMS}.",
        )
    return fetch(target, key, source)


def _from_environment(variable: Any, key: str, source: Source) -> str:
    # It is a common mistake to write the secret itself here, so only what can be a name is shown.
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise ConfigError(
            f"{key}: env should be the name of an environment variable",
            key=key,
            hint='Such as {env = "KAPA_API_KEY"}; the secret itself does not belong here.',
        )
    text = source.environ.get(variable)
    if not text:
        state = "not set" if text is None else "empty"
        raise ConfigError(
            f"{key}: the environment variable {variable} is {state}", key=key, hint="Set it to the secret."
        )
    return text


def _from_file(name: Any, key: str, source: Source) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{key}: file should be a path", key=key, hint='Such as {file = "kapa.key"}.')
    problem = ""
    path, data = Path(name), b""
    try:
        path = source.folder / expand_user_path(name)
        data = read_small_file(path, _LIMIT).data
    except ConfigError as error:
        problem = error.message
    if problem:
        raise ConfigError(f"{key}: {problem}", key=key, hint="The file should hold the secret and nothing else.")
    # Editors and echo end a file with a newline, which is not part of the secret; anything more is a mistake to report.
    data = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    if not data:
        raise ConfigError(f"{key}: {path} is empty", key=key, hint="Write the secret into it.")
    # Bytes that are not ASCII become characters that Secret rejects.
    return data.decode("utf-8", "replace")


def _from_keyring(entry: Any, key: str, _: Source) -> str:
    service, username = _split_keyring_entry(entry)
    if not (service and username):
        raise ConfigError(
            f"{key}: keyring should name a service and a user",
            key=key,
            hint='Such as {keyring = "kapa/support"}, or {keyring = {service = "kapa", username = "support"}}.',
        )
    try:
        # By name and only now: it is an extra, so neither imports nor type checkers can rely on it.
        keyring = import_module("keyring")
    except ImportError:
        problem, hint = "needs the keyring package", 'pip install "unichat-bridge[keyring]"'
    else:
        where = f"{format_value(username)} of service {format_value(service)}"
        try:
            text = keyring.get_password(service, username)
        except Exception as error:
            # Every system's keyring has errors of its own, and none of them may escape.
            problem, hint = f"cannot be read ({type(error).__name__}: {shorten(str(error), 120)})", ""
        else:
            if text:
                return str(text)
            problem, hint = f"has nothing for {where}", f"Store it: keyring set {service} {username}"
    raise ConfigError(f"{key}: the keyring {problem}", key=key, hint=hint)


def _split_keyring_entry(entry: Any) -> tuple[str, str]:
    """Return service and username, empty where they are not named."""
    if isinstance(entry, str):
        # From the right: a service may be a URL, but a user name has no slash.
        service, _, username = entry.rpartition("/")
        return service, username
    if isinstance(entry, Mapping) and set(entry) == {"service", "username"}:
        service, username = entry["service"], entry["username"]
        if isinstance(service, str) and isinstance(username, str):
            return service, username
    return "", ""


_FETCHERS: dict[str, Callable[[Any, str, Source], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}
