"""What is said of a broken connection or answer: no class of a library, no address, no key."""

from __future__ import annotations

import http.client
import logging
import re

import h11
import pytest
import urllib3

from unichat.transport.error_text import describe_error

LIBRARIES = (http.client, urllib3.exceptions, h11)
EXCEPTIONS = sorted(
    {
        value.__name__: value
        for module in LIBRARIES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }.items()
)


@pytest.mark.parametrize(("name", "kind"), EXCEPTIONS)
def test_no_class_of_a_library_is_named(name, kind):
    said = describe_error(kind.__new__(kind))
    assert name not in said
    assert not re.search(r"[a-z][A-Z]", said)


def test_what_the_system_says_is_said():
    assert describe_error(ConnectionResetError(104, "Connection reset by peer")) == "Connection reset by peer"


def test_a_broken_compression_is_said_in_words():
    assert (
        describe_error(urllib3.exceptions.DecodeError("for https://api.kapa.ai with sesame"))
        == "its compression is broken"
    )


def test_the_class_is_in_the_debug_log(caplog):
    with caplog.at_level(logging.DEBUG, logger="unichat"):
        assert describe_error(urllib3.exceptions.ProtocolError("sesame")) == ""
    assert caplog.messages == ["the HTTP library raised ProtocolError"]
