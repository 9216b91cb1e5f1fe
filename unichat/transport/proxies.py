"""Which proxy leads to the vendor: by the same variables, read when a client is made, for every HTTP library."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from unichat.transport.base import TransportFailure


def proxy_for(base_url: str) -> str | None:
    """Return the proxy that the environment names for an address, with its scheme, or None."""
    found = (select_proxy(base_url, get_environ_proxies(base_url)) or "").strip()
    return found if not found or "://" in found else f"http://{found}"


def is_encrypted(*addresses: str | None) -> bool:
    """Whether whoever is at one of the addresses is spoken to over TLS."""
    return any((address or "").lower().startswith("https:") for address in addresses)


def check_proxy(proxy: str | None, schemes: Container[str]) -> TransportFailure | None:
    """Return what is wrong with a proxy: libraries stumble over some, each in its own way, or go past them."""
    if not proxy:
        return None
    try:
        parts = urlsplit(proxy)
        if parts.scheme.lower() in schemes and parts.hostname and parts.port != 0:
            return None
    except ValueError:
        # Brackets that do not close, or a port that is no number.
        pass
    return TransportFailure("proxy", "the environment names one that cannot be used", phase="connecting")
