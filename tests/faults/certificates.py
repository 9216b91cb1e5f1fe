"""Certificates, made when a test first needs them and shared by all that follow."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import trustme

_HOSTS = ("127.0.0.1", "vendor.invalid")


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def authority_file() -> str:
    """The path of the file that clients are told to trust (`ca_bundle`)."""
    folder = Path(tempfile.mkdtemp(prefix="unichat-faults-"))
    path = folder / "authority.pem"
    _authority().cert_pem.write_to_path(str(path))
    return str(path)


@cache
def context_for(kind: str) -> ssl.SSLContext:
    """The TLS of a server whose certificate is `good`, `expired`, `untrusted` or for the `wrong host`."""
    authority = trustme.CA() if kind == "untrusted" else _authority()
    hosts = ("elsewhere.example",) if kind == "wrong host" else _HOSTS
    until = datetime.now(UTC) - timedelta(days=1) if kind == "expired" else None
    certificate = authority.issue_cert(*hosts, not_after=until)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
