"""Settings as adapters declare them, and those that every adapter has."""

import math

import pytest
from attrs import asdict, fields, frozen

from tests.canned import bench
from unichat.adapter import CommonSettings, http_url, non_empty_text, setting
from unichat.adapter.settings import PolicySettings
from unichat.errors import ConfigError


@frozen(kw_only=True)
class Some(CommonSettings):
    base_url: str = setting(default="https://api.example.com", check=http_url, help="Where it is.")
    bot: str = setting(env="ECHO_BOT", env_unless=("other",), check=non_empty_text, help="The bot.")


def test_plain_http_is_for_this_machine_or_by_leave():
    Some(bot="b", base_url="http://127.0.0.1:5")
    Some(bot="b", base_url="http://[::1]:5")
    Some(bot="b", base_url="http://10.0.0.1", allow_insecure=True)
    with pytest.raises(ConfigError, match="would send the key in the clear") as caught:
        Some(bot="b", base_url="http://10.0.0.1")
    assert "'http://10.0.0.1'" in caught.value.message
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


def test_what_is_left_out_has_the_default_that_the_documentation_shows():
    given = {name: value for name, value in asdict(Some(bot="b")).items() if name not in ("base_url", "bot")}
    assert given == {
        "deadline": None,
        "connect_timeout": 5.0,
        "connections": None,
        "first_event_timeout": 60.0,
        "idle_timeout": 30.0,
        "attempts": 3,
        "replay": "never",
        "retry_insufficient_tokens": True,
        "backoff": 0.5,
        "backoff_cap": 8.0,
        "throttle_backoff": 1.0,
        "throttle_backoff_cap": 20.0,
        "token_backoff": 5.0,
        "token_backoff_cap": 30.0,
        "retry_after_limit": 60.0,
        "retry_budget": 100,
        "breaker_failures": None,
        "breaker_reset": 30.0,
        "rate": None,
        "body_limit": 16_777_216,
        "record_limit": 1_048_576,
        "page_limit": 10_000,
        "log_content": False,
        "on_unsupported": "raise",
        "ca_bundle": None,
        "allow_insecure": False,
    }


@pytest.mark.parametrize("kind", [PolicySettings, CommonSettings])
def test_settings_are_given_by_name_only(kind):
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        kind(30)


def test_a_setting_tells_what_the_config_needs_to_know():
    described = fields(Some).bot.metadata
    assert (described["help"], described["env"], described["env_unless"]) == ("The bot.", "ECHO_BOT", ("other",))
    assert (described["path"], fields(Some).ca_bundle.metadata["path"]) == (False, True)


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
