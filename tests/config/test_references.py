"""Secrets by reference."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.adapter import Secret
from unichat.config.raw_values import Source
from unichat.config.references import resolve_secret
from unichat.errors import ConfigError


def fetch(value: Any, *, folder: Path = Path(), form: Any = "file", **environ: str) -> Secret:
    return resolve_secret(value, key="api_key", source=Source(location="x", form=form, folder=folder, environ=environ))


def problem(value: Any, **kwargs: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        fetch(value, **kwargs)
    assert caught.value.key == "api_key"
    assert caught.value.__context__ is None
    return str(caught.value)


def test_a_secret_is_returned_unchanged() -> None:
    secret = Secret("sentinel")
    assert fetch(secret) is secret


def test_text_is_the_secret_itself() -> None:
    assert fetch("sentinel").reveal() == "sentinel"


def test_an_environment_variable_is_read() -> None:
    assert fetch({"env": "KEY"}, KEY="sentinel").reveal() == "sentinel"


def test_a_variable_that_is_not_set_is_named() -> None:
    assert problem({"env": "KEY"}).startswith("api_key: the environment variable KEY is not set. ")


def test_a_variable_that_is_empty_is_named() -> None:
    assert problem({"env": "KEY"}, KEY="").startswith("api_key: the environment variable KEY is empty. ")


@pytest.mark.parametrize("name", ["sk-sentinel", "", 3, "A=B", "A\n"])
def test_an_invalid_variable_name_is_not_shown(name: Any) -> None:
    message = problem({"env": name})
    assert "env should be the name of an environment variable" in message
    assert "sentinel" not in message


@pytest.mark.parametrize("text", ["sentinel", "sentinel\n", "sentinel\r\n"])
def test_a_secret_file_is_read_without_its_last_newline(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_bytes(text.encode())
    assert fetch({"file": "key"}, folder=tmp_path).reveal() == "sentinel"


def test_a_secret_file_can_have_an_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sentinel")
    assert fetch({"file": str(tmp_path / "key")}, folder=Path("/nowhere")).reveal() == "sentinel"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"sentinel\n\n", "has leading or trailing whitespace"),
        (b"sentinel\r", "has leading or trailing whitespace"),
        (b" sentinel", "has leading or trailing whitespace"),
        (b"sentinel\xff", "holds characters that cannot be used in an HTTP header"),
        ("sentinel".encode("utf-16"), "holds characters that cannot be used in an HTTP header"),
        (b"sentinel" * 10_000, "is longer than 65536 bytes"),
    ],
)
def test_a_secret_file_with_other_content_is_refused_and_not_shown(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "key").write_bytes(data)
    message = problem({"file": "key"}, folder=tmp_path)
    assert message.startswith("api_key")
    assert says in message
    assert "sentinel" not in message


def test_a_secret_file_that_is_missing_or_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert f"{tmp_path / 'no'} does not exist" in problem({"file": "no"}, folder=tmp_path)
    assert f"{tmp_path / 'folder'} is a folder" in problem({"file": "folder"}, folder=tmp_path)
    assert "the home folder is not known" in problem({"file": "~nobody-of-this-name/key"})


@pytest.mark.skipif(os.name != "posix", reason="a device without an end")
def test_an_endless_secret_file_is_read_up_to_the_limit() -> None:
    assert "is longer than 65536 bytes" in problem({"file": "/dev/zero"})


@pytest.mark.parametrize("name", ["", 3, None])
def test_the_file_of_a_reference_must_be_a_path(name: Any) -> None:
    assert "file should be a path" in problem({"file": name})


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Stand a keyring in for the system's, which no test may touch."""

    def install(get_password: Any) -> None:
        module = ModuleType("keyring")
        module.get_password = get_password  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)

    return install


@pytest.mark.parametrize(
    ("entry", "service", "username"),
    [
        ("kapa/me", "kapa", "me"),
        ("https://kapa.ai/me", "https://kapa.ai", "me"),
        ({"service": "a/b", "username": "c/d"}, "a/b", "c/d"),
    ],
)
def test_a_keyring_entry_is_read(keyring: Callable[[Any], None], entry: Any, service: str, username: str) -> None:
    keyring(lambda *asked: "sentinel" if asked == (service, username) else None)
    assert fetch({"keyring": entry}).reveal() == "sentinel"


@pytest.mark.parametrize(
    "entry",
    [
        *("kapa", "/me", "kapa/", "", 3),
        *({}, {"service": "a"}, {"service": "a", "username": 3}, {"service": "a", "user": "b"}),
        *({"service": "", "username": "b"}, {"service": 1, "username": "b"}),
    ],
)
def test_a_keyring_entry_needs_service_and_user(entry: Any) -> None:
    assert "keyring should name a service and a user" in problem({"keyring": entry})


def test_a_keyring_without_the_entry_says_how_to_store_it(keyring: Callable[[Any], None]) -> None:
    keyring(lambda *_: None)
    message = problem({"keyring": "kapa/me"})
    assert message == "api_key: the keyring has nothing for 'me' of service 'kapa'. Store it: keyring set kapa me"


def test_an_error_of_the_keyring_becomes_a_config_error(keyring: Callable[[Any], None]) -> None:
    def raise_locked(*_: str) -> None:
        raise RuntimeError("the keyring\nis locked")

    keyring(raise_locked)
    assert "the keyring cannot be read (RuntimeError: the keyring is locked)" in problem({"keyring": "kapa/me"})


def test_without_the_keyring_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert 'pip install "unichat-bridge[keyring]"' in problem({"keyring": "kapa/me"})


def test_an_unknown_reference_names_the_nearest() -> None:
    message = problem({"envv": "sentinel"})
    assert "a reference of the unknown kind 'envv'. Did you mean 'env'?" in message
    assert '{file = "PATH"}' in message
    assert "sentinel" not in message
    assert "Did you mean" not in problem({"vault": "x"})


@pytest.mark.parametrize("reference", [{}, {"env": "A", "file": "b"}])
def test_a_reference_with_several_keys_is_refused(reference: dict[str, str]) -> None:
    assert f"is a table of {len(reference)} keys" in problem(reference, A="x")


def test_a_plus_in_a_url_that_became_a_space_is_explained() -> None:
    message = problem("sen tinel", form="url")
    assert "write a plus as %2B" in message
    assert "sen tinel" not in message
    assert fetch("sen tinel", form="environment").reveal() == "sen tinel"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["env", "file", "service"]) | st.text(), inner),
)


@settings(deadline=None)
@given(JSON, st.sampled_from(["file", "url", "environment", "keyword"]))
def test_any_value_resolves_or_raises_a_config_error(value: Any, form: Any) -> None:
    message = ""
    try:
        assert isinstance(fetch(value, form=form), Secret)
    except ConfigError as error:
        message = str(error)
    assert escape_controls(message) == message
