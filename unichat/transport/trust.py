"""Which certificate authorities are trusted: by the same variables, in the same order, for every HTTP library."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from unichat.errors import ConfigError
from unichat.printable import quoted


def authorities(ca_bundle: str | None) -> str | None:
    """Return the file or folder that the setting or the environment names; None for the usual ones."""
    return ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None


def context_for(path: str) -> ssl.SSLContext:
    """Return a context that trusts the authorities in a file, or folder, and nobody else.

    Raises:
        ConfigError: they cannot be read. Found out now, it is a mistake in the settings, not a failure of the vendor.
    """
    problem = ""
    context = None
    try:
        folder = Path(path).is_dir()
        context = ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or type(error).__name__
    if context is None:
        raise ConfigError(
            f"ca_bundle: the certificate authorities in {quoted(path)} cannot be read ({problem})",
            key="ca_bundle",
            hint="Point ca_bundle, or REQUESTS_CA_BUNDLE, at a file of certificates in PEM form.",
        )
    return context
