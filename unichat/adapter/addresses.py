"""The one normal form of a URL, in which every transport asks the same host for the same path.

HTTP libraries normalise addresses, each in its own way: `faß.example` is one host to those that follow IDNA 2008, and
another to the standard library. So it is done here, once, before any of them sees the address.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def normalize_url(url: str) -> str:
    """Return a URL as it is sent: scheme and host in lower case and ASCII, no port that is the scheme's own, the path
    percent-encoded and without `.` and `..`. Its query stays as it is; what is not a valid URL, too.
    """
    address, mark, query = url.partition("?")
    try:
        parts = urlsplit(address)
        port = parts.port
        host = normalize_host(parts.hostname or "")
    except ValueError:
        return url
    if not host:
        return url
    scheme = parts.scheme.lower()
    host = f"[{host}]" if ":" in host else host
    user = parts.netloc.rpartition("@")[0] + "@" if "@" in parts.netloc else ""
    suffix = "" if port in (None, _DEFAULT_PORTS.get(scheme)) else f":{port}"
    return f"{scheme}://{user}{host}{suffix}{_normalize_path(parts.path)}{mark}{query}"


def normalize_host(host: str) -> str:
    """Return a host as the network writes it: in ASCII, by IDNA 2008; an IPv6 address in its shortest form.

    Raises:
        ValueError: it cannot be written so.
    """
    if ":" in host:
        # The name of an interface follows, `%25` in a URL (RFC 6874).
        plain, mark, zone = host.partition("%")
        return str(ipaddress.IPv6Address(plain)) + (f"%25{zone.removeprefix('25')}" if mark else "")
    if host.isascii():
        return host.lower()
    # Only now: few addresses need it, and its tables take long to load.
    import idna

    return idna.encode(host, uts46=True).decode()


def _normalize_path(path: str) -> str:
    path = _ESCAPE.sub(_normalize_escape, _LONE_PERCENT.sub("%25", path))
    path = quote(path, safe="!$%&'()*+,/:;=@~-._")
    segments: list[str] = []
    given = path.split("/")
    for segment in given:
        if segment == "..":
            # Not the empty one before the first slash.
            del segments[max(1, len(segments) - 1) :]
        elif segment != ".":
            segments.append(segment)
    if given[-1] in (".", ".."):
        segments.append("")
    return "/".join(segments)


def _normalize_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
