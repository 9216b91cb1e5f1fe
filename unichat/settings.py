"""Settings: how an adapter declares them, and those that every adapter has.

A settings class is an attrs class whose fields come from `setting(...)`. From it unichat reads files, URLs, keywords
and the environment, reports every mistake at once, and generates the JSON Schema of the config file.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import NOTHING, field, frozen

from unichat.errors import ConfigError
from unichat.printable import quoted


def setting(
    *,
    help: str,
    default: Any = NOTHING,
    check: Callable[[str, Any], None] | None = None,
    env: str | None = None,
    env_unless: tuple[str, ...] = (),
) -> Any:
    """Declare one setting.

    Args:
        help: one sentence for the docs, the schema and error messages.
        default: what holds when it is left out; without one, the setting must be given.
        check: called with the setting's name and value; raises `ConfigError`.
        env: the environment variable that is read when the setting is left out.
        env_unless: settings that stand in this one's place: where one is given, the environment is not looked at.
    """

    def validate(_: object, attribute: Any, value: Any) -> None:
        if check is not None and value is not None:
            check(attribute.name, value)

    return field(default=default, validator=validate, metadata={"help": help, "env": env, "env_unless": env_unless})


def positive(name: str, value: float) -> None:
    """Refuse anything but a positive, finite number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ConfigError(
            f"{name} is {quoted(value)}, but should be a positive number of seconds",
            key=name,
            hint="Such as 30.",
        )


def at_least_one(name: str, value: int) -> None:
    """Refuse anything but a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {quoted(value)}, but should be a whole number from 1", key=name)


def not_empty(name: str, value: str) -> None:
    """Refuse an empty text, and one with control characters or lone surrogates."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(f"{name} is {quoted(value)}, but should be printable text that is not empty", key=name)


def web_address(name: str, value: str) -> None:
    """Refuse anything but `http(s)://HOST[:PORT][/PATH]`."""
    problem = _address_problem(value)
    if problem:
        # The address is not shown where it holds a password.
        shown = "the address" if "@" in value else quoted(value)
        raise ConfigError(f"{name}: {shown} {problem}", key=name, hint="Such as https://api.example.com.")


def _address_problem(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        return f"is no address ({error})"
    if parts.scheme not in ("http", "https") or "//" not in value:
        return "should begin with https:// (or http:// for this machine)"
    if "@" in parts.netloc:
        return "holds a user name or password, which unichat never sends; remove it"
    if not parts.hostname or not value.isprintable() or " " in value or port == 0:
        return "names no host that can be reached"
    if "?" in value or "#" in value:
        return "has a query or fragment; give the address without it"
    return ""


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@frozen(kw_only=True)
class CommonSettings:
    """What every adapter can be told."""

    base_url: str = setting(
        default="",
        check=web_address,
        help="The vendor's address, or that of a simulator or gateway in its place.",
    )
    deadline: float | None = setting(
        default=None,
        check=positive,
        help="Seconds for a whole call, attempts and waits included. Left out: 120 for questions, 30 for the rest.",
    )
    connect_timeout: float = setting(default=5.0, check=positive, help="Seconds for making a connection.")
    attempts: int = setting(
        default=3, check=at_least_one, help="How often a request is sent at most, the first time included."
    )
    on_unsupported: Literal["raise", "drop"] = setting(
        default="raise",
        help="What to do with an argument that the backend cannot carry: raise Unsupported, or drop it and log that.",
    )
    ca_bundle: str | None = setting(
        default=None,
        check=not_empty,
        help="A file with the certificate authorities to trust instead of the usual ones.",
    )
    allow_insecure: bool = setting(
        default=False, help="Allow http:// to another machine. The key then crosses the network in the clear."
    )

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_insecure and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"base_url: {quoted(self.base_url)} would send the key in the clear",
                key="base_url",
                hint="Use https://, or set allow_insecure = true if that network is yours.",
            )
