"""Which proxy leads to the vendor: by the same variables, read when a client is made, for every HTTP library.

Not by `requests.utils`: it takes `NO_PROXY=example.com` for `notexample.com` too, and no IPv6 address in it; and the
asyncio client does without requests.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Container
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import evolve, field, frozen

from unichat.adapter.addresses import normalize_host, normalize_url
from unichat.adapter.setting_checks import is_loopback
from unichat.transport.base import TransportFailure

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SYSTEM = "the system's proxy settings"


@frozen
class Proxy:
    """A proxy that is to be used.

    Attributes:
        url: with its scheme, and perhaps a user and password.
        source: what names it: a variable of the environment, or the system's settings.
    """

    url: str = field(repr=False)
    source: str


def find_proxy(base_url: str) -> Proxy | None:
    """Return the proxy for an address in its normal form, or None if it is asked directly.

    This machine is always asked directly: a proxy's loopback is another one, where no sandbox listens.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or _is_excepted(host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)):
        return None
    found = _find_in_environment(parts.scheme)
    if found is None and not _names_any_proxy():
        # macOS and Windows keep them elsewhere, and what they except with them.
        url = getproxies().get(parts.scheme, "")
        found = Proxy(url, _SYSTEM) if url and not proxy_bypass(host) else None
    if found is None:
        return None
    url = found.url.strip()
    return evolve(found, url=normalize_url(url if "://" in url else f"http://{url}"))


def _find_in_environment(scheme: str) -> Proxy | None:
    for name in (f"{scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if variable == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ:
                # On a web server, it is a header of the request that is being served.
                continue
            if (value := os.environ.get(variable)) is not None:
                if value.strip():
                    return Proxy(value, variable)
                # Empty: no proxy of this kind, also where the same variable in capitals names one.
                break
    return None


def _names_any_proxy() -> bool:
    return any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in os.environ)


def _is_excepted(host: str, port: int) -> bool:
    given = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    return any(_matches(entry, host, port) for entry in given.replace(",", " ").split())


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of `NO_PROXY` is about a host: `*`, a name, an address, a network, each perhaps with a port."""
    if entry == "*":
        return True
    named, only_port = _split_port(entry)
    if only_port not in (None, port):
        return False
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0]) in ipaddress.ip_network(named, strict=False)
    with suppress(ValueError):
        named = normalize_host(named.removeprefix("*").strip("."))
    host = host.rstrip(".")
    return bool(named) and (host == named or host.endswith(f".{named}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        named, _, rest = entry[1:].partition("]")
        # A network may be written `[fd00::]/8`.
        if rest.startswith("/"):
            return named + rest, None
        return named, int(rest[1:]) if rest.startswith(":") and rest[1:].isdecimal() else None
    named, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and ":" not in named:
        return named, int(port)
    return entry, None


def is_encrypted(*addresses: str | None) -> bool:
    """Whether the peer at one of the addresses is spoken to over TLS."""
    return any((address or "").lower().startswith("https:") for address in addresses)


def check_proxy(proxy: Proxy | None, schemes: Container[str]) -> TransportFailure | None:
    """Return what is wrong with a proxy: libraries stumble over some, each in its own way, or go past them."""
    if proxy is None:
        return None
    # Brackets that do not close, or a port that is not a number, raise a ValueError.
    with suppress(ValueError):
        parts = urlsplit(proxy.url)
        if parts.scheme.lower() in schemes and parts.hostname and parts.port != 0:
            return None
    return TransportFailure("proxy", "it cannot be used", phase="connecting", proxy=proxy.source)


def name_proxy(failure: TransportFailure, proxy: Proxy | None) -> TransportFailure:
    """Return a failure with what names the proxy, if it is the proxy's."""
    if proxy is None or failure.kind not in ("proxy", "proxy_auth"):
        return failure
    return evolve(failure, proxy=proxy.source)
