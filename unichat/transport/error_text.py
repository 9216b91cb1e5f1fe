"""What went wrong with a connection or an answer, in words of our own.

The libraries' words would name addresses, and could hold the key; the names of their classes say nothing to a reader.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

from unichat._text.log import log
from unichat._text.printable import shorten

_DESCRIPTIONS = {
    "BadStatusLine": "it does not begin with a status line",
    "DecodeError": "its compression is broken",
    "DecompressionError": "its compression is broken",
    "HeaderParsingError": "its headers cannot be read",
    "IncompleteRead": "it ended too early",
    "InvalidHeader": "its headers contradict each other",
    "LineTooLong": "one of its lines is too long",
}
"""By the name of the exception, whichever library raises it."""

_LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def is_exhaustion(error: BaseException) -> bool:
    """Whether a connection failed for a limit of this machine: nobody has refused it."""
    return isinstance(error, OSError) and error.errno in _LIMITS


def describe_error(error: BaseException) -> str:
    """Return what is to be said besides the title of the failure; empty where that says it all."""
    if isinstance(error, OSError) and error.errno and error.strerror:
        # The system's own words for the number: asyncio puts an address in their place.
        of_system = error.errno in errno.errorcode and not isinstance(error, ssl.SSLError | socket.gaierror)
        return shorten(os.strerror(error.errno) if of_system else error.strerror, 100)
    name = type(error).__name__
    log.debug("the HTTP library raised %s", name)
    return _DESCRIPTIONS.get(name, "")
