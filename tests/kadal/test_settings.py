"""Kadal's settings: one way to authenticate, and a bot."""

import pytest
from attrs import asdict, fields

from tests.behaviour.doubles import (
    connect_client,
)
from unichat import errors
from unichat.adapter import CommonSettings, Secret
from unichat.errors import ConfigError
from unichat_kadal.settings import KadalSettings

ACCOUNT = {"client_id": "account", "client_secret": "s3cret"}


@pytest.mark.parametrize(
    "settings",
    [ACCOUNT, {"client_id": "account"}, {"client_secret": "s3cret"}],
    ids=lambda settings: " and ".join(settings),
)
def test_a_token_together_with_a_client_account_is_a_config_error_that_shows_neither(settings):
    with pytest.raises(ConfigError, match="token") as raised:
        connect_client("kadal", token="t0ken-of-ours", **settings)
    assert "t0ken-of-ours" not in repr(raised.value) + str(vars(raised.value))
    assert "s3cret" not in repr(raised.value) + str(vars(raised.value))


@pytest.mark.parametrize("settings", [{}, {"client_id": "account"}, {"client_secret": "s3cret"}], ids=repr)
def test_missing_or_incomplete_credentials_are_a_config_error_that_names_both_ways(settings):
    with pytest.raises(ConfigError) as raised:
        connect_client("kadal", token=None, **settings)
    for name in ("token", "KADAL_TOKEN", "client_id", "client_secret"):
        assert name in str(raised.value)


@pytest.mark.parametrize("settings", [{"token": lambda: "t"}, {"token": None, **ACCOUNT}], ids=["provider", "account"])
def test_one_way_to_authenticate_is_enough(settings):
    connect_client("kadal", **settings).close()


@pytest.mark.parametrize("bot", ["", " ", "a\nb", "a\0b"], ids=repr)
def test_a_bot_id_that_is_not_one_is_a_config_error(bot):
    with pytest.raises(ConfigError, match="chat_bot_id"):
        connect_client("kadal", chat_bot_id=bot)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("threads", "shared"),
        ("user_ids", "uuid4"),
        ("send_version", "v3"),
        ("message_encoding", "form"),
        ("feedback_encoding", "form"),
        ("history_version", "v2"),
        ("token_encoding", "query"),
    ],
)
def test_an_unknown_choice_of_a_setting_is_a_config_error(name, wrong):
    with pytest.raises(ConfigError, match=name):
        connect_client("kadal", **{name: wrong})


def test_an_unknown_send_version_is_a_config_error():
    with pytest.raises(errors.ConfigError, match="send_version"):
        connect_client("kadal", send_version="v7")


def test_settings_are_given_by_name_only():
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        KadalSettings("sesame")


def test_a_bot_id_has_at_most_255_characters():
    connect_client("kadal", chat_bot_id="b" * 255).close()
    with pytest.raises(ConfigError, match="has 256 characters, and 255 is the most that unichat sends"):
        connect_client("kadal", chat_bot_id="b" * 256)


@pytest.mark.parametrize(
    "wrong", [{"up": "1"}, {"up": 1.0}, {"up": True}, {"down": None}, {"up": 1, "sideways": 2}], ids=repr
)
def test_rating_ids_are_whole_numbers_for_up_and_down(wrong):
    connect_client("kadal", rating_ids={"up": 1, "down": -2}).close()
    with pytest.raises(ConfigError, match="rating_ids") as raised:
        connect_client("kadal", rating_ids=wrong)
    assert raised.value.key == "rating_ids"
    assert ("sideways" in str(raised.value)) is ("sideways" in wrong)


def test_settings_that_are_left_out_have_the_defaults_that_the_documentation_shows():
    given = asdict(KadalSettings(chat_bot_id="b", token=Secret("sesame")), recurse=False)
    own = {each.name for each in fields(KadalSettings)} - {each.name for each in fields(CommonSettings)}
    assert {name: value for name, value in given.items() if name in own and name not in ("chat_bot_id", "token")} == {
        "client_id": None,
        "client_secret": None,
        "realm": None,
        "token_encoding": "form",
        "rating_ids": None,
        "threads": "per-user",
        "check_thread": "first",
        "user_ids": "verbatim",
        "require_user": False,
        "send_version": "v2",
        "message_encoding": "json",
        "feedback_encoding": "json",
        "history_version": "v1",
        "exclude_tool_verbose": None,
        "include_events": True,
        "missing_ok": False,
    }
