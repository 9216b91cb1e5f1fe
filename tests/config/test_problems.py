"""Mistakes in the config: all at once, each said once and where it is."""

from __future__ import annotations

import re

import attrs
import pytest

from tests.config.conftest import KAPA, Refuse, Write
from unichat.adapter import CommonSettings
from unichat_kadal.settings import KadalSettings


def _help(kind: type[CommonSettings], name: str) -> str:
    return str(getattr(attrs.fields(kind), name).metadata["help"])


def test_all_mistakes_of_a_call_are_reported_at_once(resolution_error: Refuse, write: Write) -> None:
    path = write(
        '[profiles.a]\nbackend = "kadal"\ntoken = {env = "NOT_SET"}\nverify = false\nattempts = true\n'
        'deadline = "5"\nthreads = "per_user"\nbase_url = "http://example.com"\nrating_ids = {up = "1"}\n'
    )
    error = resolution_error(config=path, settings={"connect_timeout": -1, "realm": 3})
    location = f"{path}, profile 'a'"
    assert set(error.problems) == {
        f"{location}: token: the environment variable NOT_SET is not set. Set it to the secret.",
        f"{location}: attempts is True, but should be a whole number. {_help(KadalSettings, 'attempts')}",
        f"{location}: deadline is '5', but should be a number. {_help(KadalSettings, 'deadline')}",
        f"{location}: threads is 'per_user', but should be one of 'per-user', 'isolated'. Did you mean 'per-user'?",
        (
            f"{location}: rating_ids is {{'up': '1'}}, but should be a table (each value a whole number)."
            f" {_help(KadalSettings, 'rating_ids')}"
        ),
        (
            f"{location}: chat_bot_id is missing (The bot's id)."
            " Set KADAL_CHAT_BOT_ID in the environment, or give chat_bot_id."
        ),
        (
            f"{location}: base_url: 'http://example.com' would send the key in the clear."
            " Use https://, or set allow_insecure = true if that network is yours."
        ),
        "keyword argument: connect_timeout is -1.0, but should be a positive number of seconds. Such as 30.",
        f"keyword argument: realm is 3, but should be text. {_help(KadalSettings, 'realm')}",
        *(line for line in error.problems if "'verify'" in line),
    }
    assert len(error.problems) == 10
    assert str(error).startswith("kadal: 10 mistakes: (1) ")
    assert len(str(error).splitlines()) == 1


def test_a_list_of_what_is_accepted_is_said_once(resolution_error: Refuse, write: Write) -> None:
    error = resolution_error(config=write("verify = 1\ntimeout = 2\n[profiles.a]\nbackend = 'kapa'\n"))
    assert str(error).count("Accepted: ") == 1
    assert all("Accepted: " in line for line in error.problems[:2])


def test_of_all_settings_the_nearest_are_named_and_where_the_rest_is_listed(resolution_error: Refuse) -> None:
    error = resolution_error("kapa", settings={**KAPA, "atempts": 1})
    nearest = r"\(did you mean 'attempts'\?\)\. Accepted: attempts, \w+, \w+, and \d+ more"
    assert re.search(f"{nearest}, which `unichat profiles --schema` lists", str(error))
    assert len(error.accepted) > 20


def test_a_location_that_all_mistakes_share_is_said_once(resolution_error: Refuse) -> None:
    error = resolution_error("kapa", settings={**KAPA, "attempts": 0, "deadline": 0})
    assert str(error).startswith("kapa: keyword argument: 2 mistakes: (1) deadline is 0.0")


def test_the_environment_is_named_where_its_value_is_wrong(resolution_error: Refuse) -> None:
    error = resolution_error("kapa", environ={"KAPA_API_KEY": "sentinel ", "KAPA_PROJECT_ID": "x"})
    assert error.problems[0].startswith("environment variable KAPA_API_KEY: api_key has leading or trailing whitespace")
    assert error.problems[1].startswith("environment variable KAPA_PROJECT_ID: project_id is 'x'")


@pytest.mark.parametrize("name", ["backend", "url"])
def test_a_backend_as_a_keyword_is_told_to_be_the_first_argument(resolution_error: Refuse, name: str) -> None:
    assert "is the first argument" in str(resolution_error("kapa", settings={**KAPA, name: "kapa"}))
