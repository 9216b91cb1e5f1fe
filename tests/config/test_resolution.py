"""What `connect` is told: which backend and profile are meant, and which setting wins."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.conftest import ENV, KAPA, PROFILE, UUID, Refuse, Resolve, Write
from unichat._text.printable import escape_controls
from unichat.adapter import Backend, CommonSettings
from unichat.config import resolve
from unichat.errors import ConfigError

OTHER = "99999999-2222-3333-4444-555555555555"


def test_a_name_and_keywords_are_enough(resolve_config: Resolve) -> None:
    result = resolve_config("kapa", settings=KAPA)
    assert (result.backend.name, result.profile, result.path) == ("kapa", None, None)
    assert (result.settings.api_key.reveal(), result.settings.project_id) == ("sentinel", UUID)
    assert result.settings.base_url == "https://api.kapa.ai"


def test_a_url_is_enough(resolve_config: Resolve) -> None:
    result = resolve_config(f"kapa://{UUID}?api_key=sentinel&deadline=5&integration_id={OTHER}&allow_insecure=yes")
    settings = result.settings
    assert (settings.project_id, settings.deadline, settings.integration_id) == (UUID, 5.0, OTHER)
    assert settings.allow_insecure is True


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\?#%"), max_size=200).filter(
        lambda text: text.isprintable() and text.strip() not in ("", ".", "..")
    )
)
def test_any_id_that_a_backend_accepts_can_be_in_a_url(resolve_config: Resolve, identity: str) -> None:
    url = f"kadal://{quote(identity, safe='')}?token=sentinel&realm={quote(identity, safe='')}"
    settings = resolve_config(url).settings
    assert (settings.chat_bot_id, settings.realm) == (identity, identity)


def test_a_url_of_a_backend_without_an_identity_has_its_settings_in_the_query_alone() -> None:
    plain = Backend(name="plain", title="Plain", settings=CommonSettings, build=CommonSettings, endpoints={})  # type: ignore[arg-type]
    found = resolve("plain://?base_url=https://x.example&deadline=5", environ={}, find=lambda _: plain)
    assert (found.settings.base_url, found.settings.deadline) == ("https://x.example", 5.0)
    with pytest.raises(ConfigError, match="has an id, and plain has none") as caught:
        resolve("plain://id?base_url=https://x.example", environ={}, find=lambda _: plain)
    assert "plain://?KEY=VALUE" in str(caught.value)


def test_tables_in_a_url_are_json_or_pairs(resolve_config: Resolve) -> None:
    for text in ("up:1,down:2", quote('{"up": 1, "down": 2}'), "%7B%22up%22%3A+1%2C+%22down%22%3A+2%7D"):
        assert resolve_config(f"kadal://b?token=t&rating_ids={text}").settings.rating_ids == {"up": 1, "down": 2}


def test_a_setting_that_is_left_out_is_read_from_the_environment(resolve_config: Resolve) -> None:
    environ = {"KAPA_API_KEY": "sentinel", "KAPA_PROJECT_ID": UUID}
    for target in ("kapa", "kapa://"):
        settings = resolve_config(target, environ=environ).settings
        assert (settings.api_key.reveal(), settings.project_id) == ("sentinel", UUID)


def test_an_empty_variable_counts_as_left_out(resolution_error: Refuse) -> None:
    error = resolution_error("kapa", settings={"project_id": UUID}, environ={"KAPA_API_KEY": ""})
    assert error.key == "api_key"
    assert "KAPA_API_KEY" in str(error)


def test_keywords_win_over_the_profile_over_its_url_over_the_environment(resolve_config: Resolve, write: Write) -> None:
    path = write(
        f'[profiles.a]\nurl = "kapa://{UUID}?attempts=2&connect_timeout=2&deadline=2&api_key=k"\n'
        "connect_timeout = 3\ndeadline = 3\n"
    )
    environ = {"KAPA_PROJECT_ID": OTHER}
    settings = resolve_config(config=path, settings={"deadline": 4}, environ=environ).settings
    assert (settings.project_id, settings.attempts) == (UUID, 2)
    assert (settings.connect_timeout, settings.deadline) == (3.0, 4.0)


def test_keywords_win_over_a_url(resolve_config: Resolve) -> None:
    assert resolve_config(f"kapa://{UUID}?api_key=a", settings={"api_key": "b"}).settings.api_key.reveal() == "b"


def test_a_keyword_that_is_none_counts_as_left_out(resolve_config: Resolve) -> None:
    settings = {"api_key": None, "attempts": None, "integration_id": None}
    result = resolve_config(f"kapa://{UUID}?api_key=a&attempts=5", settings=settings)
    assert (result.settings.api_key.reveal(), result.settings.attempts) == ("a", 5)


def test_references_and_secrets_are_accepted_as_keywords(resolve_config: Resolve, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sentinel\n")
    settings = {"project_id": UUID, "api_key": {"file": "key"}}
    assert resolve_config("kapa", settings=settings, cwd=tmp_path).settings.api_key.reveal() == "sentinel"


def test_a_function_is_accepted_as_a_token_provider(resolve_config: Resolve, resolution_error: Refuse) -> None:
    def provider() -> str:
        return "sentinel"

    assert resolve_config("kadal", settings={"chat_bot_id": "b", "token": provider}).settings.token is provider
    assert "must be text, not function" in str(resolution_error("kapa", settings={**KAPA, "api_key": provider}))


def test_a_client_account_replaces_the_token_of_the_environment(resolve_config: Resolve) -> None:
    settings = {"chat_bot_id": "b", "client_id": "c", "client_secret": "s"}
    for environ in ({}, {"KADAL_TOKEN": "sentinel"}):
        assert resolve_config("kadal", settings=settings, environ=environ).settings.token is None


# Secrets in files that others can read


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
@pytest.mark.parametrize(
    "lines", [f'url = "kapa://{UUID}?api_key=sentinel"', f'url = "kapa://{UUID}"\napi_key = "sentinel"']
)
def test_a_secret_in_a_file_that_others_can_read_is_a_warning(
    resolve_config: Resolve, write: Write, caplog: pytest.LogCaptureFixture, lines: str
) -> None:
    path = write(f"[profiles.a]\n{lines}\n")
    with caplog.at_level(logging.WARNING, "unichat"):
        resolve_config(config=path)
        assert not caplog.records
        path.chmod(0o644)
        resolve_config(config=path)
    assert [record.getMessage() for record in caplog.records] == [
        (
            f"{path}, profile 'a': api_key is written out, and others can read the file (mode 0644)."
            ' Run chmod 600 on it, or give a reference such as api_key = {env = "…"}.'
        ),
    ]


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_a_reference_in_a_file_that_others_can_read_is_not_a_warning(
    resolve_config: Resolve, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(PROFILE)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING, "unichat"):
        resolve_config(config=path, environ=ENV)
    assert not caplog.records


# Whatever comes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "up"]) | st.text(), inner),
    max_leaves=4,
)
KEYS = st.sampled_from(["api_key", "token", "attempts", "deadline", "base_url", "rating_ids", "threads", "verify"])


@settings(deadline=None)
@given(st.sampled_from(["kapa", "kadal"]), st.dictionaries(KEYS | st.text(), VALUES))
def test_any_keywords_resolve_or_raise_a_config_error(resolution_error: Refuse, target: str, settings: Any) -> None:
    # An id is missing, so that there is always an error.
    error = resolution_error(target, settings=settings)
    assert escape_controls(str(error)) == str(error)
    assert error.__context__ is None


@settings(deadline=None)
@given(st.text() | st.text().map("kapa://".__add__), st.dictionaries(st.just("KADAL_TOKEN"), st.text()))
def test_any_target_resolves_or_raises_a_config_error(resolution_error: Refuse, target: str, environ: Any) -> None:
    error = resolution_error(target, environ=environ)
    assert escape_controls(str(error)) == str(error)
