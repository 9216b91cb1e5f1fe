"""Kadal's settings: one way to authenticate, and a bot."""

import pytest

from tests.behaviour.doubles import (
    connect_client,
)
from unichat import errors
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
