"""The head of a request as it goes out: what is the same for all of one client's requests is put together once."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

import h11

import unichat
from unichat.transport.base import HttpRequest
from unichat.transport.h11.decompression import ACCEPTED

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_TARGET = re.compile(r"/[!-~]*")
_BREAKS_OUT = re.compile(r"[\0\r\n]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Address:
    """Where a URL leads, in its normal form (`unichat.adapter.addresses`).

    Attributes:
        host: as it is resolved: in ASCII, without brackets.
        name: as it is told to the server, and stands in its certificate.
        authority: host and port as `Host` has them, without a port that is the scheme's own.
        authorization: for `Proxy-Authorization`, of the user and password that the URL holds; empty for none.
    """

    __slots__ = ("authority", "authorization", "host", "name", "path", "port", "scheme")

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.scheme = parts.scheme.lower()
        # In a URL, the name of an interface follows `%25` (RFC 6874).
        self.host = (parts.hostname or "").replace("%25", "%")
        self.port = parts.port or _DEFAULT_PORTS[self.scheme]
        self.path = parts.path.rstrip("/")
        # A dot at the end says that a name is complete, which concerns its resolution alone.
        self.name = self.host.rstrip(".")
        bracketed = f"[{self.name}]" if ":" in self.name else self.name
        self.authority = bracketed if self.port == _DEFAULT_PORTS[self.scheme] else f"{bracketed}:{self.port}"
        self.authorization = ""
        if parts.username is not None:
            login = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
            self.authorization = f"Basic {base64.b64encode(login).decode()}"

    @property
    def authority_with_port(self) -> str:
        """Host and port, for `CONNECT`."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


class RequestHeads:
    """Writes the heads of requests to one address.

    Args:
        server: where they are for.
        proxy: who passes them on and can read them; None for nobody, or for one that only passes on what is encrypted.
    """

    def __init__(self, server: Address, proxy: Address | None) -> None:
        # To a proxy goes the whole address.
        self._before_target = f"http://{server.authority}{server.path}" if proxy is not None else server.path
        constant = {
            "Host": server.authority,
            "User-Agent": f"unichat/{unichat.__version__}",
            "Accept-Encoding": ACCEPTED,
        }
        if proxy is not None and proxy.authorization:
            constant["Proxy-Authorization"] = proxy.authorization
        self._constant = _header_lines(constant)
        # One client's requests differ in little else than their target and body.
        self._last_headers: dict[str, str] = {}
        self._last_lines = ""

    def head(self, request: HttpRequest) -> bytes:
        """Return the head of `request`.

        Raises:
            ValueError: a part of it cannot be sent, or would end its line and begin another. Not shown: it may be
                secret.
        """
        if not _TOKEN.fullmatch(request.method) or not _TARGET.fullmatch(request.target):
            raise ValueError("the method or the target of a request holds what cannot be sent")
        if request.headers != self._last_headers:
            self._last_lines, self._last_headers = _header_lines(request.headers), dict(request.headers)
        length = ""
        if request.body is not None or request.method != "GET":
            length = f"Content-Length: {len(request.body or b'')}\r\n"
        start = f"{request.method} {self._before_target}{request.target} HTTP/1.1\r\n"
        return f"{start}{self._constant}{self._last_lines}{length}\r\n".encode("ascii")


def _header_lines(headers: Mapping[str, str]) -> str:
    lines = []
    for name, value in headers.items():
        # Beyond ASCII, no two servers read alike.
        if not _TOKEN.fullmatch(name) or _BREAKS_OUT.search(value) or not value.isascii():
            raise ValueError(f"the header {name!r} holds what cannot be sent")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def connect_request(server: Address, proxy: Address) -> h11.Request:
    """Return the request for a tunnel to `server`."""
    authority = server.authority_with_port
    headers = [("Host", authority), ("User-Agent", f"unichat/{unichat.__version__}")]
    if proxy.authorization:
        headers.append(("Proxy-Authorization", proxy.authorization))
    return h11.Request(method="CONNECT", target=authority, headers=headers)
