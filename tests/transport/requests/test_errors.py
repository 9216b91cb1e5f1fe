"""Which failure of the table an exception of `requests`, urllib3 or a socket stands for, in each phase."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from itertools import pairwise

import pytest
import requests
import urllib3

from unichat.testing import FakeClock
from unichat.transport.base import Deadline, TransportFailure
from unichat.transport.requests.errors import classify_error
from unichat.transport.requests.progress import SocketProgress

POOL = urllib3.HTTPConnectionPool("vendor.example")


def chain(*links):
    """The first exception, with the others below it."""
    for error, cause in pairwise(links):
        error.__cause__ = cause
    return links[0]


def classify(error, phase="connecting", *, written=0, stopped=None, passed=False):
    clock = FakeClock()
    progress = SocketProgress(Deadline(5.0, clock.monotonic), phase=phase, written=written, stopped=stopped)
    clock.advance(6.0 if passed else 1.0)
    return classify_error(error, progress)


CONNECTING = [
    (chain(requests.ConnectionError(), socket.gaierror(-2, "Name or service not known")), "dns"),
    (urllib3.exceptions.NameResolutionError("x", POOL, socket.gaierror(-2, "x")), "dns"),
    (requests.exceptions.InvalidURL("x"), "dns"),
    (urllib3.exceptions.LocationParseError("x"), "dns"),
    (chain(requests.ConnectionError(), ConnectionRefusedError(111, "Connection refused")), "refused"),
    (urllib3.exceptions.NewConnectionError(POOL, "x"), "refused"),
    (requests.ConnectTimeout(), "connect_timeout"),
    (urllib3.exceptions.ConnectTimeoutError(), "connect_timeout"),
    (chain(requests.exceptions.ProxyError(), OSError("Tunnel connection failed: 502 Bad Gateway")), "proxy"),
    (chain(requests.exceptions.ProxyError(), OSError("Tunnel connection failed: 407 Required")), "proxy_auth"),
    (requests.exceptions.InvalidProxyURL(), "proxy"),
    (urllib3.exceptions.ProxySchemeUnknown("gopher"), "proxy"),
    (chain(requests.ConnectionError(), OSError(errno.EMFILE, "Too many open files")), "exhausted"),
    (ConnectionResetError(104, "Connection reset by peer"), "reset"),
    (ValueError("what nobody thought of"), "unsent"),
]


@pytest.mark.parametrize(("error", "kind"), CONNECTING, ids=lambda value: value if isinstance(value, str) else None)
def test_classify_error_while_connecting_names_what_kept_the_connection_from_being_made(error, kind):
    found = classify(error)
    assert (found.kind, found.phase) == (kind, "connecting")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (chain(requests.exceptions.SSLError(), ssl.SSLCertVerificationError(1, "self-signed")), "certificate"),
        (ssl.SSLError(1, "wrong version number"), "tls"),
        (ConnectionResetError(104, "Connection reset by peer"), "tls"),
        (http.client.RemoteDisconnected("x"), "tls"),
        (urllib3.exceptions.ReadTimeoutError(POOL, "/", "x"), "tls"),
        (OSError(errno.ENOBUFS, "No buffer space available"), "exhausted"),
        (chain(requests.exceptions.ProxyError(), OSError("407")), "proxy_auth"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_classify_error_during_the_handshake_is_a_failure_of_tls_unless_it_says_more(error, kind):
    assert classify(error, "handshake").kind == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (chain(requests.ConnectionError(), http.client.RemoteDisconnected("x")), "closed"),
        (chain(urllib3.exceptions.ProtocolError("x"), ConnectionResetError(104, "x")), "reset"),
        (BrokenPipeError(32, "Broken pipe"), "reset"),
        (requests.ReadTimeout(), "read_timeout"),
        (http.client.BadStatusLine("x"), "head"),
        (ValueError("a negative size"), "head"),
        # urllib3 blames the proxy for whatever breaks a connection through it.
        (chain(requests.exceptions.ProxyError(), http.client.RemoteDisconnected("x")), "closed"),
        (OSError(errno.EMFILE, "Too many open files"), "head"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_classify_error_after_sending_names_how_the_answer_was_lost(error, kind):
    assert classify(error, "waiting", written=10).kind == kind


@pytest.mark.parametrize("error", [ConnectionResetError(104, "x"), http.client.RemoteDisconnected("x")])
def test_classify_error_of_a_connection_that_broke_before_a_byte_was_written_is_unsent(error):
    assert classify(error, "sending").kind == "unsent"


@pytest.mark.parametrize(("written", "delivered"), [(0, False), (1, True)])
def test_classify_error_of_a_stopped_attempt_is_the_reason_for_stopping(written, delivered):
    found = classify(ConnectionResetError(104, "x"), "sending", written=written, stopped="cancelled")
    assert found == TransportFailure("cancelled", delivered=delivered, phase="sending")


def test_classify_error_after_the_deadline_is_the_deadline_even_before_the_timer():
    assert classify(TimeoutError("timed out"), "waiting", written=9, passed=True).kind == "deadline"


def test_classify_error_says_what_the_system_said_and_no_address():
    error = chain(
        requests.ConnectionError("https://vendor.example/secret"), ConnectionRefusedError(errno.ECONNREFUSED, "x")
    )
    assert classify(error).detail == os.strerror(errno.ECONNREFUSED)


def test_classify_error_of_a_chain_that_is_a_circle_ends():
    first, second = requests.ConnectionError(), ConnectionRefusedError(111, "refused")
    first.__cause__, second.__context__ = second, first
    assert classify(first).kind == "refused"
