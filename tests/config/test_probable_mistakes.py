"""Mistakes that a config often has: the message says what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.conftest import GOOD, UUID, Refuse, Write
from unichat.config import NoConfig

# Encodings


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("name", ["unichat.toml", "other.toml"])
def test_a_file_that_powershell_wrote_is_told_its_encoding(
    resolution_error: Refuse, tmp_path: Path, encoding: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(f"[profiles.a]\n{GOOD}".encode(encoding))
    error = resolution_error(config=path)
    assert f"{path} is UTF-{encoding[4:6]}" in str(error) or "is UTF-16" in str(error)
    assert "Save it as UTF-8." in str(error)


# The backend


@pytest.mark.parametrize("line", ['vendor = "kapa"', 'provider = "Kadal"', 'bakend = "kapa"', 'Backend = "kappa"'])
def test_a_backend_by_another_name_is_recognised(resolution_error: Refuse, write: Write, line: str) -> None:
    error = resolution_error(config=write(f"[profiles.a]\n{line}\napi_key = 'sentinel'\n"))
    assert len(error.problems) == 1
    assert f"backend is missing (did you mean backend instead of '{line.split()[0]}'?)" in str(error)
    assert "sentinel" not in str(error)


def test_a_misspelt_backend_is_one_mistake(resolution_error: Refuse, write: Write) -> None:
    assert len(resolution_error(config=write('[profiles.a]\nbackend = "kappa"\n')).problems) == 1
    assert len(resolution_error("kappa").problems) == 1
    assert len(resolution_error("kappa://").problems) == 1


def test_of_a_misspelt_backend_what_is_given_is_still_checked(resolution_error: Refuse) -> None:
    error = resolution_error("kappa", settings={"attempts": 0, "attemps": 1})
    assert [line.split(" ")[0] for line in error.problems[1:]] == ["keyword", "keyword"]


@pytest.mark.parametrize(
    "keywords", [{"backend": "kapa"}, {"url": "kapa://x"}, {"vendor": "kapa"}, {"provider": "kadal"}]
)
@pytest.mark.parametrize("config", [False, True])
def test_a_backend_by_keyword_is_told_to_come_first(
    resolution_error: Refuse, write: Write, tmp_path: Path, keywords: dict[str, Any], config: bool
) -> None:
    if config:
        write(f"[profiles.a]\n{GOOD}")
    error = resolution_error(settings={**keywords, "api_key": "sentinel"}, cwd=tmp_path)
    assert not isinstance(error, NoConfig)
    assert len(error.problems) == 1
    assert 'A backend or a URL is the first argument, without a name: connect("kapa", …).' in str(error)
    assert "sentinel" not in str(error)


def test_a_setting_with_a_vendors_name_is_a_setting(resolve_config: Any, write: Write, tmp_path: Path) -> None:
    write('[profiles.a]\nbackend = "kadal"\ntoken = "t"\nchat_bot_id = "b"\n')
    assert resolve_config(settings={"chat_bot_id": "kapa"}, cwd=tmp_path).settings.chat_bot_id == "kapa"


# A profile's name in the place of a backend's


@pytest.mark.parametrize("name", ["support", "kapaa"])
def test_a_profiles_name_as_a_backend_is_told_to_be_one(
    resolution_error: Refuse, write: Write, tmp_path: Path, name: str
) -> None:
    path = write(f"[profiles.{name}]\n{GOOD}")
    error = resolution_error(name, cwd=tmp_path)
    assert f"there is no adapter '{name}'" in str(error)
    assert str(error).endswith(f"A profile of {path} has this name: profile={name}.")


@pytest.mark.parametrize("name", ["Support", "suport", "SUPPORT"])
def test_nearly_a_profiles_name_is_told_to_be_similar(
    resolution_error: Refuse, write: Write, tmp_path: Path, name: str
) -> None:
    path = write(f"[profiles.support]\n{GOOD}")
    assert str(resolution_error(name, cwd=tmp_path)).endswith(
        f"A profile of {path} has a similar name: profile=support."
    )


def test_a_profile_that_is_called_like_its_backend_is_told_to_be_one(
    resolution_error: Refuse, write: Write, tmp_path: Path
) -> None:
    path = write(f"[profiles.kapa]\n{GOOD}")
    error = resolution_error("kapa", cwd=tmp_path)
    assert "api_key is missing" in str(error)
    assert f"A profile of {path} has this name: profile=kapa" in str(error)


def test_another_mistake_in_the_file_does_not_hide_it(resolution_error: Refuse, write: Write, tmp_path: Path) -> None:
    write("[profiles\n")
    assert str(resolution_error("zzz", cwd=tmp_path)) == "there is no adapter 'zzz'. Installed: kadal, kapa."


# Variables that nothing replaces


@pytest.mark.parametrize(
    "text",
    [
        "$SENTINEL",
        "${SENTINEL}",
        "${SENTINEL:-x}",
        "${env:SENTINEL}",
        "$env:SENTINEL",
        "%SENTINEL%",
        "{{ SENTINEL }}",
        "{{env.SENTINEL}}",
        "env:SENTINEL",
        "env://SENTINEL",
        "{env = SENTINEL}",
        "{ env='SENTINEL' }",
        " $SENTINEL ",
    ],
)
@pytest.mark.parametrize("is_set", [True, False])
def test_a_variable_instead_of_a_secret_is_told_how_to_refer_to_it(
    resolution_error: Refuse, write: Write, text: str, is_set: bool
) -> None:
    path = write(f'[profiles.a]\nbackend = "kapa"\nproject_id = "{UUID}"\napi_key = "{text}"\n')
    by_file = resolution_error(config=path, environ={"SENTINEL": "x"} if is_set else {})
    by_keyword = resolution_error(
        "kapa", settings={"api_key": text, "project_id": UUID}, environ={"SENTINEL": "x"} if is_set else {}
    )
    for error in (by_file, by_keyword):
        assert "api_key is a variable that nothing has replaced by its value" in str(error)
        # A secret may look like this: its text is shown only if there is such a variable.
        assert f'api_key = {{env = "{"SENTINEL" if is_set else "NAME"}"}} in a profile' in str(error)
        assert is_set or "SENTINEL" not in str(error)


@pytest.mark.parametrize("text", ["$", "$1abc", "sk-$abc", "a%b%c", "{", "env:", "100%"])
def test_a_secret_that_only_has_a_sign_of_a_variable_is_one(resolve_config: Any, text: str) -> None:
    assert resolve_config("kapa", settings={"api_key": text, "project_id": UUID}).settings.api_key.reveal() == text
