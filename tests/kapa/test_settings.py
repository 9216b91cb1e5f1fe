"""Kapa's settings: ids are UUIDs, and a mistake is found before anything is sent."""

import pytest

from tests.behaviour.doubles import INTEGRATION, PROJECT, connect_client
from unichat.errors import ConfigError
from unichat_kapa.settings import KapaSettings


@pytest.mark.parametrize("name", ["project_id", "integration_id"])
@pytest.mark.parametrize("wrong", ["my-project", "..", f"{PROJECT}/", f"{PROJECT}\n", PROJECT[:-1]], ids=repr)
def test_an_id_that_is_not_a_uuid_is_a_config_error_that_names_it(name, wrong):
    with pytest.raises(ConfigError) as raised:
        connect_client("kapa", **{name: wrong})
    assert raised.value.key == name
    assert "UUID" in str(raised.value)
    assert str(raised.value).isprintable()


def test_an_id_may_be_in_upper_case():
    connect_client("kapa", project_id=PROJECT.upper(), integration_id=INTEGRATION.upper()).close()


@pytest.mark.parametrize("missing", ["api_key", "project_id"])
def test_a_missing_required_setting_is_a_config_error_that_names_it(missing):
    with pytest.raises(ConfigError, match=missing):
        connect_client("kapa", **{missing: None})


def test_settings_are_given_by_name_only():
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        KapaSettings("sesame")
