"""Settings: how an adapter declares them, and those that every adapter has.

A settings class is an attrs class whose fields come from `setting(...)`. From it unichat reads files, URLs, keywords
and the environment, reports every mistake at once, and generates the JSON Schema of the config file.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import NOTHING, field, frozen

from unichat._text.printable import quoted
from unichat._text.templates import Setting, Template
from unichat.errors import ConfigError


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
        if value is None and default is not None:
            raise ConfigError(f"{attribute.name} is None", key=attribute.name, hint="Give a value, or leave it out.")
        if check is not None and value is not None:
            check(attribute.name, value)

    return field(default=default, validator=validate, metadata={"help": help, "env": env, "env_unless": env_unless})


def positive(name: str, value: float) -> None:
    """Refuse anything but a positive, finite number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise ConfigError(
            f"{name} is {quoted(value)}, but should be a positive number of seconds",
            key=name,
            hint="Such as 30.",
        )


def at_least_one(name: str, value: int) -> None:
    """Refuse anything but a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{name} is {quoted(value)}, but should be a whole number from 1", key=name, hint="Such as 3."
        )


def one_of(*accepted: str) -> Callable[[str, object], None]:
    """Return a check that refuses anything but one of the `accepted` words."""

    def check(name: str, value: object) -> None:
        if value not in accepted:
            raise ConfigError(
                f"{name} is {quoted(value)}", key=name, accepted=accepted, hint=f"Use one of: {', '.join(accepted)}."
            )

    return check


def yes_or_no(name: str, value: object) -> None:
    """Refuse anything but a truth: texts such as "no" would count as one."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {quoted(value)}", key=name, hint="Use true or false.")


def not_empty(name: str, value: str) -> None:
    """Refuse an empty text, and one with control characters or lone surrogates."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(
            f"{name} is {quoted(value)}, but should be printable text that is not empty",
            key=name,
            hint="Give a value, or leave the setting out.",
        )


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
    if not value.isprintable() or " " in value or port == 0 or not _is_host(parts.hostname or ""):
        return "names no host that can be reached"
    if "?" in value or "#" in value:
        return "has a query or fragment; give the address without it"
    return ""


def _is_host(host: str) -> bool:
    """Whether HTTP libraries would take `host`: an address, or labels of 1 to 63 letters, digits, `-` and `_`."""
    if ":" in host:
        try:
            return ipaddress.ip_address(host.partition("%")[0]).version == 6
        except ValueError:
            return False
    try:
        encoded = host.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return False
    return re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", encoded) is not None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def not_negative(name: str, value: int) -> None:
    """Refuse anything but a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(
            f"{name} is {quoted(value)}, but should be a whole number from 0", key=name, hint="Such as 100."
        )


_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*/\s*([a-z]+)\s*")


def interval_of(rate: str) -> float:
    """Return the seconds between two calls at `rate`, such as `20/min`.

    Raises:
        ConfigError: it is not a positive number per `s`, `min` or `h`.
    """
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if match is None or match[2] not in _UNITS or float(match[1]) <= 0:
        raise ConfigError(
            f"rate is {quoted(rate)}", key="rate", hint='Give a number per s, min or h, such as "20/min".'
        )
    return _UNITS[match[2]] / float(match[1])


def _rate(_: str, value: str) -> None:
    interval_of(value)


@frozen(kw_only=True)
class PolicySettings:
    """What is done about time and failure: the same for every backend."""

    deadline: float | None = setting(
        default=None,
        check=positive,
        help="Seconds for a whole call, attempts and waits included. Left out: 120 for questions, 30 for the rest.",
    )
    connect_timeout: float = setting(default=5.0, check=positive, help="Seconds for making a connection.")
    connections: int | None = setting(
        default=None, check=at_least_one, help="Connections at most. Left out: 64, and over asyncio 1,000."
    )
    first_event_timeout: float = setting(default=60.0, check=positive, help="Seconds until a stream's first event.")
    idle_timeout: float = setting(default=30.0, check=positive, help="Seconds between two events of a stream.")
    attempts: int = setting(
        default=3, check=at_least_one, help="How often a request is sent at most, the first time included."
    )
    replay: Literal["never", "reconcile", "always"] = setting(
        default="never",
        check=one_of("never", "reconcile", "always"),
        help="What to do when a question may have been received: raise; read the thread or history first, and ask "
        "again only if it is not there; or ask again.",
    )
    retry_insufficient_tokens: bool = setting(
        default=True, check=yes_or_no, help="Retry a 507, slowly. RFC 4918 says not to; false follows it."
    )
    backoff: float = setting(default=0.5, check=positive, help="Seconds: the longest first wait after a failure.")
    backoff_cap: float = setting(default=8.0, check=positive, help="Seconds: the longest wait after a failure.")
    throttle_backoff: float = setting(default=1.0, check=positive, help="Seconds: the longest first wait after a 429.")
    throttle_backoff_cap: float = setting(default=20.0, check=positive, help="Seconds: the longest wait after a 429.")
    token_backoff: float = setting(default=5.0, check=positive, help="Seconds: the longest first wait after a 507.")
    token_backoff_cap: float = setting(default=30.0, check=positive, help="Seconds: the longest wait after a 507.")
    retry_after_limit: float = setting(
        default=60.0, check=positive, help="Seconds: a Retry-After above this is not waited for."
    )
    retry_budget: int = setting(
        default=100,
        check=not_negative,
        help="Tokens for retries: one costs 10 (5 after a 429 or 507), a success gives 1 back. 0 allows none.",
    )
    breaker_failures: int | None = setting(
        default=None, check=at_least_one, help="Failures in a row that open the circuit breaker; left out: no breaker."
    )
    breaker_reset: float = setting(
        default=30.0, check=positive, help="Seconds until an open breaker lets one call through to see."
    )
    rate: str | None = setting(
        default=None, check=_rate, help='Space calls to this rate, such as "20/min"; shared by all clients on one key.'
    )
    body_limit: int = setting(
        default=16 * 1024 * 1024, check=at_least_one, help="Bytes of an answer at most, decompressed."
    )
    record_limit: int = setting(default=1024 * 1024, check=at_least_one, help="Bytes of a stream's record at most.")
    page_limit: int = setting(default=10_000, check=at_least_one, help="Pages that one history reads at most.")
    log_content: bool = setting(
        default=False,
        check=yes_or_no,
        help="Log the vendor's own words on a failure too. They may quote what somebody asked.",
    )


@frozen(kw_only=True)
class CommonSettings(PolicySettings):
    """What every adapter can be told."""

    base_url: str = setting(
        default="", check=web_address, help="The vendor's address, or that of a simulator or gateway in its place."
    )
    on_unsupported: Literal["raise", "drop"] = setting(
        default="raise",
        check=one_of("raise", "drop"),
        help="What to do with an argument that the backend cannot carry: raise Unsupported, or drop it and log that.",
    )
    ca_bundle: str | None = setting(
        default=None,
        check=not_empty,
        help="A file with the certificate authorities to trust instead of the usual ones.",
    )
    allow_insecure: bool = setting(
        default=False,
        check=yes_or_no,
        help="Allow http:// to another machine. The key then crosses the network in the clear.",
    )

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_insecure and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"base_url: {quoted(self.base_url)} would send the key in the clear",
                key="base_url",
                hint=Template("Use https://, or set ", Setting("allow_insecure", "true"), " if that network is yours."),
            )
