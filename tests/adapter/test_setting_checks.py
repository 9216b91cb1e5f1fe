"""Checks of settings: what each accepts, and what the error says of anything else."""

import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.canned import try_call
from unichat.adapter.setting_checks import (
    call_rate,
    http_url,
    http_url_with_query,
    is_loopback,
    non_empty_text,
    non_negative_integer,
    one_of,
    positive_integer,
    positive_seconds,
    seconds_per_call,
    split_base_url,
    true_or_false,
)
from unichat.errors import ConfigError


def refusal(check, value):
    with pytest.raises(ConfigError) as caught:
        check("it", value)
    assert caught.value.key == "it"
    assert str(caught.value).startswith("it")
    return caught.value


@given(st.floats() | st.integers() | st.booleans() | st.text() | st.none())
@example(1e300)
@example(10**400)
@example(-(10**400))
def test_seconds_are_positive_and_finite(value):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = number and value > 0 and (isinstance(value, int) or math.isfinite(value)) and value <= sys.float_info.max
    if good:
        positive_seconds("it", value)
    else:
        refusal(positive_seconds, value)


@given(st.integers() | st.floats() | st.booleans() | st.text())
def test_attempts_are_whole_numbers_from_1(value):
    if type(value) is int and value >= 1:
        positive_integer("it", value)
    else:
        refusal(positive_integer, value)


@given(st.text(st.characters()))
def test_a_text_that_must_not_be_empty_is_printable(value):
    if value.strip() and value.isprintable():
        non_empty_text("it", value)
    else:
        refusal(non_empty_text, value)


@pytest.mark.parametrize("value", [-1, True, False, 1.0, "1", None], ids=repr)
def test_a_number_that_may_be_zero_is_a_whole_number(value):
    non_negative_integer("it", 0)
    non_negative_integer("it", 1)
    refusal(non_negative_integer, value)


def test_a_number_is_not_text():
    refusal(non_empty_text, 5)


@pytest.mark.parametrize(
    "value",
    [
        "https://x.org",
        "http://127.0.0.1:8000",
        "https://x.org:8443/api/",
        "https://[::1]:1",
        "HTTPS://X.ORG",
        "https://é.org",
    ],
)
def test_a_web_address_is_scheme_host_and_perhaps_port_and_path(value):
    http_url("it", value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "should begin with https://"),
        ("x.org", "should begin with https://"),
        ("htp://x.org", "should begin with https://"),
        ("https:x.org", "should begin with https://"),
        ("file:///etc/passwd", "should begin with https://"),
        ("https://", "has no valid host"),
        ("https://:80", "has no valid host"),
        ("https:///path", "has no valid host"),
        ("https://x .org", "has no valid host"),
        ("https://x.org\n", "has no valid host"),
        ("https://x.org:0", "has no valid host"),
        ("https://x.org:99999", "is not a valid URL"),
        ("https://x.org:port", "is not a valid URL"),
        ("https://[::1", "is not a valid URL"),
        ("https://x.org?a=1", "query or fragment"),
        ("https://x.org?", "query or fragment"),
        ("https://x.org#f", "query or fragment"),
        ("https://ann@x.org", "holds a user name or password"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value, words):
    assert words in str(refusal(http_url, value))


@pytest.mark.parametrize("port", [1, 65_535])
def test_a_port_may_be_any_but_0(port):
    http_url("it", f"https://x.org:{port}")


@pytest.mark.parametrize("query", ["", "?", "?key=1", "?a=%2F&b", "?a=/?:@!$&'()*+,;=~"])
def test_an_address_may_have_a_query_where_the_setting_says_so(query):
    http_url_with_query("it", f"https://x.org/api{query}")


@pytest.mark.parametrize("query", ["key=sesame#f", "key=ses ame", "key=sesame%", "key=sésame", "key=sesame%2"])
def test_a_query_that_is_not_encoded_is_refused_and_not_shown(query):
    shown = str(refusal(http_url_with_query, f"https://x.org/api?{query}"))
    assert "'https://x.org/api' has a query that is not percent-encoded, or a fragment" in shown
    assert "same" not in shown
    assert "should begin with https://" in str(refusal(http_url_with_query, f"x.org?{query}"))


@pytest.mark.parametrize(
    ("base_url", "address", "query"),
    [
        ("https://x.org", "https://x.org", ""),
        ("HTTPS://X.org:443/api//?key=1", "https://x.org/api", "key=1"),
        ("https://x.org?a=1?b", "https://x.org", "a=1?b"),
    ],
)
def test_a_base_url_is_an_address_without_its_last_slash_and_a_query(base_url, address, query):
    assert split_base_url(base_url) == (address, query)


@pytest.mark.parametrize("value", ["https://x.org", "https://a-b_c.x.org", f"https://{'a' * 63}.org", "https://x.org."])
def test_a_host_is_labels_of_1_to_63_characters(value):
    http_url("it", value)


@pytest.mark.parametrize(
    "value", ["https://*.example.com", "https://.example.com", "https://a..b", f"https://{'a' * 64}.org"]
)
def test_a_host_that_no_http_library_would_take_is_refused(value):
    refusal(http_url, value)


def test_a_host_may_have_characters_that_only_join_others():
    http_url("base_url", "https://نامه\u200cای.example/path")


@pytest.mark.parametrize("path", ["a b", "a\u202eb", "a\u200bb"])
def test_a_path_that_cannot_be_read_is_what_is_wrong_not_the_host(path):
    assert "in its path" in str(refusal(http_url, f"https://x.example/{path}"))


@pytest.mark.parametrize("value", ["https://ann:sesame@x.org", "ann:sesame@x.org", "https://ann:sesame@x.org:port"])
def test_a_password_in_an_address_is_not_shown(value):
    assert "sesame" not in str(refusal(http_url, value))


@given(st.text(st.characters()) | st.from_regex(r"https?://[!-~]{0,30}", fullmatch=True))
def test_checking_an_address_raises_nothing_but_a_config_error(value):
    _, error = try_call(lambda: http_url("it", value), ConfigError)
    assert error is None or error.key == "it"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "box.localhost",
        "127.0.0.1",
        "127.1.2.3",
        "127.255.255.255",
        "127.1",
        "127.0.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "::1%lo",
    ],
)
def test_this_machine_is_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.example.com",
        "10.0.0.1",
        "0.0.0.0",
        "::2",
        "::ffff:10.0.0.1",
        "127.0.0.1.example.com",
        "128.0.0.1",
        "126.255.255.255",
        "127",
        "::",
        "notlocalhost",
    ],
)
def test_other_machines_are_not_taken_for_this_one(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [
        ("20/min", 3.0),
        (" 0.5 / s ", 2.0),
        ("1/sec", 1.0),
        ("4/second", 0.25),
        ("30/minute", 2.0),
        ("3600/h", 1.0),
        ("7200/hour", 0.5),
        ("0.000001/s", 1_000_000.0),
    ],
)
def test_a_rate_is_a_number_of_calls_in_a_unit_of_time(rate, seconds):
    assert seconds_per_call(rate) == pytest.approx(seconds)
    call_rate("rate", rate)


@pytest.mark.parametrize("rate", ["", "20", "0/s", "-1/s", "20/day", "20/MIN", "1e3/s", "20 per min", 20, None, "٢/s"])
def test_what_is_not_a_rate_is_refused_with_an_example(rate):
    with pytest.raises(ConfigError, match="rate is ") as caught:
        call_rate("rate", rate)
    assert (caught.value.key, "20/min" in caught.value.hint) == ("rate", True)


def test_a_word_is_one_of_those_that_are_accepted():
    check = one_of("raise", "drop")
    check("it", "drop")
    found = refusal(check, "Drop")
    assert (found.accepted, found.hint) == (("raise", "drop"), "Use one of: raise, drop.")


@pytest.mark.parametrize("value", ["no", 0, 1, None], ids=repr)
def test_a_boolean_is_true_or_false_only(value):
    true_or_false("it", True)
    true_or_false("it", False)
    refusal(true_or_false, value)
