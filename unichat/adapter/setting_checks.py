"""Checks of settings: each takes the setting's name and value, and raises `ConfigError` for an invalid value."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from unichat._text.printable import format_value
from unichat.adapter.addresses import normalize_host, normalize_url
from unichat.errors import ConfigError


def positive_seconds(name: str, value: float) -> None:
    """Accept a positive, finite number of seconds only."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a positive number of seconds",
            key=name,
            hint="Such as 30.",
        )


def positive_integer(name: str, value: int) -> None:
    """Accept a whole number from 1 only."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a whole number from 1", key=name, hint="Such as 3."
        )


def non_negative_integer(name: str, value: int) -> None:
    """Accept a whole number from 0 only."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a whole number from 0", key=name, hint="Such as 100."
        )


def one_of(*accepted: str) -> Callable[[str, object], None]:
    """Return a check that accepts one of the `accepted` words only."""

    def check(name: str, value: object) -> None:
        if value not in accepted:
            raise ConfigError(
                f"{name} is {format_value(value)}",
                key=name,
                accepted=accepted,
                hint=f"Use one of: {', '.join(accepted)}.",
            )

    return check


def true_or_false(name: str, value: object) -> None:
    """Accept a boolean only: a string such as "no" would count as true."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {format_value(value)}", key=name, hint="Use true or false.")


def non_empty_text(name: str, value: str) -> None:
    """Accept printable text only: not empty, without control characters and lone surrogates."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be printable text that is not empty",
            key=name,
            hint="Give a value, or leave the setting out.",
        )


def http_url(name: str, value: str) -> None:
    """Accept a URL of the form `http(s)://HOST[:PORT][/PATH]` only."""
    _check_url(name, value, _address_problem(value))


def http_url_with_query(name: str, value: str) -> None:
    """Accept a URL of the form `http(s)://HOST[:PORT][/PATH][?QUERY]` only: each request gets the query, too."""
    address, _, query = value.partition("?")
    problem = _address_problem(address)
    if not problem and not (_QUERY.fullmatch(query) and query.isascii()):
        problem = "has a query that is not percent-encoded, or a fragment"
    # The query is not shown, since it may hold a key, although a key belongs into a setting of its own.
    _check_url(name, address, problem)


def _check_url(name: str, shown: str, problem: str) -> None:
    if problem:
        # The address is not shown where it holds a password.
        shown = "the address" if "@" in shown else format_value(shown)
        raise ConfigError(f"{name}: {shown} {problem}", key=name, hint="Such as https://api.example.com.")


_LABELS = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")


def split_base_url(base_url: str) -> tuple[str, str]:
    """Return the address in its normal form, without a slash at its end, and the query, empty for none."""
    address, _, query = normalize_url(base_url).partition("?")
    return address.rstrip("/"), query


def _address_problem(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        return f"is not a valid URL ({error})"
    if parts.scheme not in ("http", "https") or "//" not in value:
        return "should begin with https:// (or http:// for this machine)"
    if "@" in parts.netloc:
        return "holds a user name or password, which unichat never sends; remove it"
    # urlsplit() drops some of these.
    beginning = value.partition("//")[2].partition("/")[0]
    if port == 0 or _BLANK.search(beginning) or not _is_host(parts.hostname or ""):
        return "has no valid host"
    return _path_problem(value)


_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def _path_problem(value: str) -> str:
    # Not the host's: it may have characters that are not printable, but join others.
    path = value.partition("//")[2].partition("/")[2]
    if path and (not path.isprintable() or " " in path):
        return "has a blank or an unprintable character in its path; write it percent-encoded"
    return "has a query or fragment; leave it out" if "?" in value or "#" in value else ""


def _is_host(host: str) -> bool:
    """Whether HTTP libraries would take `host`: an address, or labels of 1 to 63 letters, digits, `-` and `_`."""
    try:
        encoded = normalize_host(host)
    except ValueError:
        return False
    return ":" in host or _LABELS.fullmatch(encoded) is not None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by whichever of its names and addresses."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _LEGACY_IPV4.fullmatch(name) is not None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


# As resolvers read them: the last part stands for all that are left out.
_LEGACY_IPV4 = re.compile(r"127(?:\.[0-9]{1,10}){1,2}")


_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*/\s*([a-z]+)\s*")


def call_rate(_: str, value: str) -> None:
    """Accept a rate of calls only, such as `20/min`."""
    seconds_per_call(value)


def seconds_per_call(rate: str) -> float:
    """Return the seconds between two calls at `rate`, such as `20/min`.

    Raises:
        ConfigError: it is not a positive number per `s`, `min` or `h`.
    """
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if match is None or match[2] not in _UNITS or float(match[1]) <= 0:
        raise ConfigError(
            f"rate is {format_value(rate)}", key="rate", hint='Give a number per s, min or h, such as "20/min".'
        )
    return _UNITS[match[2]] / float(match[1])
