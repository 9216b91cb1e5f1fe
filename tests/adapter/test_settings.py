import math
import sys

import pytest
from attrs import fields, frozen
from hypothesis import example, given
from hypothesis import strategies as st

from tests.canned import bench, try_call
from unichat.adapter import CommonSettings, http_url, non_empty_text, positive_integer, positive_seconds, setting
from unichat.adapter.setting_checks import is_loopback
from unichat.errors import ConfigError


@frozen(kw_only=True)
class Some(CommonSettings):
    base_url: str = setting(default="https://api.example.com", check=http_url, help="Where it is.")
    bot: str = setting(env="ECHO_BOT", env_unless=("other",), check=non_empty_text, help="The bot.")


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
        "127.1",
        "127.0.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
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
        "notlocalhost",
    ],
)
def test_other_machines_are_not_taken_for_this_one(host):
    assert not is_loopback(host)


def test_plain_http_is_for_this_machine_or_by_leave():
    Some(bot="b", base_url="http://127.0.0.1:5")
    Some(bot="b", base_url="http://[::1]:5")
    Some(bot="b", base_url="http://10.0.0.1", allow_insecure=True)
    with pytest.raises(ConfigError, match="in the clear") as caught:
        Some(bot="b", base_url="http://10.0.0.1")
    assert caught.value.key == "base_url"
    assert "allow_insecure" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deadline", 0),
        ("deadline", -1.0),
        ("deadline", math.nan),
        ("deadline", math.inf),
        ("deadline", "30"),
        ("deadline", True),
        ("connect_timeout", 0),
        ("attempts", 0),
        ("attempts", 1.5),
        ("ca_bundle", ""),
        ("bot", " "),
        ("base_url", "x.org"),
    ],
)
def test_each_setting_is_checked_by_name(name, value):
    with pytest.raises(ConfigError) as caught:
        Some(**{"bot": "b", name: value})
    assert caught.value.key == name


def test_what_is_left_out_has_its_default():
    settings = Some(bot="b")
    assert (settings.deadline, settings.connect_timeout, settings.attempts) == (None, 5.0, 3)
    assert (settings.on_unsupported, settings.ca_bundle, settings.allow_insecure) == ("raise", None, False)


def test_a_setting_tells_what_the_config_needs_to_know():
    described = fields(Some).bot.metadata
    assert (described["help"], described["env"], described["env_unless"]) == ("The bot.", "ECHO_BOT", ("other",))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("replay", "sometimes", "never, reconcile, always"),
        ("replay", None, "leave it out"),
        ("attempts", None, "leave it out"),
        ("backoff", None, "leave it out"),
        ("body_limit", None, "leave it out"),
        ("retry_insufficient_tokens", "no", "true or false"),
        ("retry_insufficient_tokens", 0, "true or false"),
        ("log_content", "yes", "true or false"),
    ],
)
def test_a_policy_for_one_call_is_checked_as_any_other(name, value, words):
    made = bench()
    with pytest.raises(ConfigError, match=words) as caught:
        made.client.with_policy(**{name: value})
    assert caught.value.key == name


def test_a_base_url_is_kept_in_its_normal_form():
    settings = Some(base_url="HTTPS://Faß.example:443/é/../v1/", bot="b")
    assert settings.base_url == "https://xn--fa-hia.example/v1/"
    # So no other way of writing it down sends the key in the clear.
    with pytest.raises(ConfigError, match="in the clear"):
        Some(base_url="HTTP://faß.example", bot="b")
