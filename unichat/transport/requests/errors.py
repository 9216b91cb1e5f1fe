"""Which failure of the table an exception of `requests` or urllib3 stands for."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3

from unichat._interruptions import is_interruption
from unichat.transport.base import TransportFailure
from unichat.transport.error_text import describe_error, is_exhaustion
from unichat.transport.requests.progress import SocketProgress

FAILURES = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError)
"""What a failure of the network or of the vendor is raised as. requests' own errors and those of sockets and TLS are
`OSError`; what nobody sends, such as a negative size, can be a `ValueError`. Anything else is not ours, such as the
time limit of a job queue, and `find_interruption` finds those that a signal's handler raises as one of these."""


def classify_error(error: Exception, progress: SocketProgress) -> TransportFailure:
    """Return the row of the failure table for what was raised before the head of the answer was complete."""
    # A socket's own time-out can come a moment before the timer.
    stopped = progress.stopped or ("deadline" if progress.deadline.remaining() <= 0 else None)
    if stopped is not None:
        return TransportFailure(stopped, delivered=progress.written > 0, phase=progress.phase)
    chain = list(_chain(error))
    words = describe_error(chain[-1])
    # urllib3 blames the proxy for whatever breaks a connection through it, the loss of an answer included.
    sent = progress.phase in ("sending", "waiting")
    rows = (row for row in _KINDS if not (sent and row[1] == "proxy"))
    kind = next((kind for kinds, kind in rows if any(isinstance(cause, kinds) for cause in chain)), "head")
    if any(map(is_exhaustion, chain)) and not sent:
        kind = "exhausted"
    if kind == "head" and progress.phase in ("resolving", "connecting"):
        kind = "unsent"
    if kind == "proxy" and "407" in str(chain[-1]):
        kind = "proxy_auth"
    if progress.phase == "handshake" and kind not in ("certificate", "exhausted", "proxy", "proxy_auth"):
        kind = "tls"
    elif kind in ("reset", "closed") and sent and progress.written == 0:
        kind = "unsent"
    return TransportFailure(kind, words, phase=progress.phase)


def find_interruption(error: Exception) -> BaseException | None:
    """Return what a signal's handler raised, where that is what the library took for a failure of a socket."""
    return next((link for link in _chain(error) if is_interruption(link)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it wraps, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


# The first line that fits any link of the chain decides. requests' own classes say too little (its ConnectionError
# covers refusals and lost answers alike), so the links below them count as well.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((requests.exceptions.ProxyError, urllib3.exceptions.ProxyError), "proxy"),
    (
        (
            requests.exceptions.InvalidProxyURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.ProxySchemeUnknown,
            urllib3.exceptions.ProxySchemeUnsupported,
        ),
        "proxy",
    ),
    (
        (
            requests.exceptions.InvalidURL,
            urllib3.exceptions.LocationParseError,
            urllib3.exceptions.NameResolutionError,
        ),
        "dns",
    ),
    (socket.gaierror, "dns"),
    (ssl.SSLCertVerificationError, "certificate"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), "tls"),
    # Before the time-outs, since urllib3 derives it from them.
    (urllib3.exceptions.NewConnectionError, "refused"),
    ((requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError), "connect_timeout"),
    ((requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError), "read_timeout"),
    (ConnectionRefusedError, "refused"),
    (http.client.RemoteDisconnected, "closed"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset"),
)
