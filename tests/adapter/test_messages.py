"""Requests and replies as values: targets, headers, what an answer is labelled as, and errors as adapters read them."""

from __future__ import annotations

import math

import pytest

from tests.canned import reply
from unichat.adapter import ErrorResponse, Reply, Request, Secret
from unichat.errors import InvalidInput, InvalidResponse


def page(body: bytes, label: str) -> Reply:
    return Reply(502, {"content-type": label}, body)


# Requests


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "VERSION-CONTROL"])
def test_a_method_in_capitals_can_be_sent(method):
    assert Request(method, "/x").method == method


@pytest.mark.parametrize("method", ["", "get", "G E T", "GET\n", "CONNECT", "-GET"])
def test_what_is_not_a_method_and_connect_are_mistakes_of_the_adapters(method):
    with pytest.raises(ValueError, match="not an HTTP method"):
        Request(method, "/x")


@pytest.mark.parametrize(
    ("query", "base_query", "target"),
    [
        ((), "", "/x"),
        ((("a", "1"),), "", "/x?a=1"),
        ((), "key=1", "/x?key=1"),
        ((), "key=1&b=%2F&", "/x?key=1&b=%2F"),
        ((("a", "1"), ("b c", "ä")), "key=1", "/x?a=1&b+c=%C3%A4&key=1"),
        # The request's own parameters win, however the other one is written.
        ((("a", "1"),), "a=2&key=1", "/x?a=1&key=1"),
        ((("b c", "1"),), "b+c=2&b%20c=3", "/x?b+c=1"),
        ((), "flag", "/x?flag"),
    ],
)
def test_a_target_has_the_requests_query_and_that_of_the_base_url(query, base_query, target):
    assert Request("GET", "/x", query).target_with(base_query) == target


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is not the name of a header"),
        ("X Key", "is not the name of a header"),
        ("X-Key:", "is not the name of a header"),
        ("Authorization", "carries a credential"),
        ("X-API-KEY", "carries a credential"),
        ("Cookie", "carries a credential"),
        ("Content-Length", "is set by what sends the request"),
        ("host", "is set by what sends the request"),
        ("Accept", "is set by the request's accept"),
        ("CONTENT-TYPE", "is set by the request's accept"),
    ],
)
def test_a_header_that_is_not_the_adapters_to_set_is_a_mistake(name, words):
    with pytest.raises(ValueError, match=words):
        Request("GET", "/x", headers=((name, "1"),))


@pytest.mark.parametrize("value", ["", "1", "a b", "!~"])
def test_printable_ascii_can_be_sent_in_a_header(value):
    assert Request("GET", "/x", headers=(("X-Version", value),), accept=value or None).headers[0][1] == value


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "é", "\x7f", "\0", " a", "a ", "\n"])
def test_a_header_that_could_become_two_or_none_is_invalid_with_its_name(value):
    for parts, name in (({"headers": (("X-Version", value),)}, "X-Version"), ({"accept": value}, "Accept")):
        with pytest.raises(InvalidInput) as caught:
            Request("GET", "/x", **parts)
        assert caught.value.argument == name


@pytest.mark.parametrize("value", [7, None, b"x", Secret("sesame", name="key")], ids=repr)
def test_a_header_that_is_not_text_is_a_mistake_above_all_a_secret(value):
    with pytest.raises(TypeError, match="not text"):
        Request("GET", "/x", headers=(("X-Version", value),))


def test_a_request_shows_neither_its_body_nor_its_headers():
    assert "private" not in repr(Request("GET", "/x", body=b"private", headers=(("X-Note", "private"),)))


@pytest.mark.parametrize("more", [((),), ((), "text/plain")], ids=["headers", "headers and accept"])
def test_headers_and_the_media_type_to_accept_are_given_by_name_only(more):
    with pytest.raises(TypeError, match="positional"):
        Request("GET", "/x", (), None, "application/json", *more)
    assert Request("GET", "/x", accept="text/plain").accept == "text/plain"


# Replies


def test_a_reply_does_not_show_its_body_and_is_the_same_whether_it_was_decoded_or_not():
    one, other = (page(b'{"text": "private"}', "application/json") for _ in range(2))
    assert one.json() is one.json()
    assert "private" not in repr(one)
    assert one == other


@pytest.mark.parametrize("body", [None, [], "text", 7, [{}]], ids=repr)
def test_a_body_that_is_not_an_object_has_no_envelope(body):
    assert reply(400, body).envelope() is None
    assert reply(400, {"detail": body}).envelope() == {"detail": body}


@pytest.mark.parametrize("label", ["text/html", "application/json"])
def test_a_body_that_is_not_json_has_no_envelope_and_hides_no_status(label):
    assert page(b"<html>", label).envelope() is None


@pytest.mark.parametrize(
    ("label", "is_page", "shown"),
    [
        ("text/html", True, ""),
        (" Text/HTML; charset=utf-8", True, ""),
        ("application/xhtml+xml", True, ""),
        ("text/plain", False, "upstream is down"),
        ("Text/Plain; charset=utf-8", False, "upstream is down"),
        ("application/json", False, ""),
        ("", False, ""),
    ],
)
def test_a_page_and_a_plain_text_are_told_by_their_labels(label, is_page, shown):
    found = page(b"upstream is down", label)
    assert (found.is_page, found.plain_text) == (is_page, shown)


def test_a_reply_that_cannot_be_read_says_so_each_time():
    answer = reply(200)
    for _ in range(2):
        with pytest.raises(InvalidResponse):
            answer.json()


# Errors


def test_an_error_says_what_its_adapter_did_not_leave_out():
    assert ErrorResponse(status=500) == ErrorResponse(
        status=500,
        means=None,
        message="",
        code=None,
        argument=None,
        what=None,
        envelope_status=None,
        http_status=None,
        hint="",
        retry=True,
        retry_after=None,
    )
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        ErrorResponse(500)


@pytest.mark.parametrize(
    ("given", "text", "text_or_none"),
    [("no", "no", "no"), (None, "", None), (7, "7", "7"), (["a"], "['a']", "['a']"), (0, "0", "0")],
    ids=repr,
)
def test_what_a_vendor_says_in_an_error_counts_as_text_whatever_it_is(given, text, text_or_none):
    found = ErrorResponse(status=400, message=given, code=given, argument=given)
    assert (found.message, found.code, found.argument) == (text, text_or_none, text_or_none)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (0, 0.0), (1.5, 1.5), ("30", 30.0), (10**400, None), (-1, None), (True, None), (False, None), ("soon", None),
        (math.nan, None), (math.inf, None), ([1], None), (None, None),
    ],
    ids=repr,
)  # fmt: skip
def test_seconds_to_wait_are_a_finite_number_from_zero_or_unknown(given, seconds):
    assert ErrorResponse(status=429, retry_after=given).retry_after == seconds


@pytest.mark.parametrize("status", ["400", True, None, 400.0], ids=repr)
def test_a_status_that_is_not_an_integer_is_a_mistake_of_the_adapters(status):
    with pytest.raises(TypeError, match="a status is an int"):
        ErrorResponse(status=status)
    if status is not None:
        with pytest.raises(TypeError, match="a status is an int"):
            ErrorResponse(status=400, means=status)
