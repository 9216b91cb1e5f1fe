"""Which certificate authorities are trusted: by the same variables, in the same order, for every HTTP library."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from certifi import where

from unichat._text.printable import format_value
from unichat.errors import ConfigError


def authorities(ca_bundle: str | None) -> str | None:
    """Return the file or folder that the setting or the environment names; None for the usual ones."""
    return ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None


@lru_cache(maxsize=16)
def _context(path: str, changed: int) -> ssl.SSLContext:
    """Return the context for the authorities in a file, or folder, as it is since it was `changed`."""
    folder = Path(path).is_dir()
    return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)


def context_for(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of the setting, else the environment's, else certifi's.

    Clients with the same authorities share one: reading them costs more than a hundred calls.

    Raises:
        ConfigError: they cannot be read. Found out now, it is a mistake in the settings, not a failure of the vendor.
    """
    path = authorities(ca_bundle) or where()
    problem = ""
    context = None
    try:
        context = _context(path, Path(path).stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or type(error).__name__
    if context is None:
        raise ConfigError(
            f"ca_bundle: the certificate authorities in {format_value(path)} cannot be read ({problem})",
            key="ca_bundle",
            hint="Point ca_bundle, or REQUESTS_CA_BUNDLE, at a file of certificates in PEM form.",
        )
    return context
