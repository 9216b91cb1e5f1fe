"""Files that were probably meant to be the config."""

from __future__ import annotations

import os

import pytest

from unichat.config import load, resolve
from unichat.config.similar_files import find_similar_name, is_similar
from unichat.errors import NoConfig

NAME = "unichat.toml"


@pytest.mark.parametrize(
    "other",
    [
        "Unichat.toml",
        "UNICHAT.TOML",
        "unichat.tml",
        "unichat.toml.txt",
        ".unichat.toml",
        "unichat.toml~",
        "unichat.toml.example",
        "unitchat.toml",
        "uni-chat.toml",
        "unichat-toml",
        "unichat.local.toml",
        "unichat.yaml",
        "unichat.json",
        "unichat.ini",
    ],
)
def test_a_name_that_is_nearly_right_is_similar(other):
    assert is_similar(NAME, other)


@pytest.mark.parametrize(
    "other",
    [
        "unichat",
        "unichat.py",
        "unichat.md",
        "unichat.log",
        "unichat.html",
        "unichat.schema.json",
        "chat.toml",
        "config.toml",
        "pyproject.toml",
        "package.json",
        "a.ini",
        "",
    ],
)
def test_a_file_of_something_else_is_not(other):
    assert not is_similar(NAME, other)


def test_the_nearest_name_of_the_nearest_folder_is_found(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "Unichat.toml").touch()
    assert find_similar_name(NAME, (inner, tmp_path)) == tmp_path / "Unichat.toml"
    (inner / "unichat.toml.txt").touch()
    (inner / "unichat.tml").touch()
    assert find_similar_name(NAME, (inner, tmp_path)) == inner / "unichat.tml"


def test_folders_that_are_missing_or_called_so_are_passed_over(tmp_path):
    (tmp_path / "Unichat.toml").mkdir()
    assert find_similar_name(NAME, (tmp_path / "missing", tmp_path)) is None


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege")
def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / NAME).symlink_to("nowhere")
    assert find_similar_name(NAME, (tmp_path,)) == tmp_path / NAME
    config = load(cwd=tmp_path, environ={})
    assert (config.path, config.similar) == (None, tmp_path / NAME)


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """A user without a config."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_without_a_config_the_error_names_the_similar_file(tmp_path):
    (tmp_path / "unichat.tml").touch()
    with pytest.raises(NoConfig) as caught:
        resolve(cwd=tmp_path, environ={})
    path = str(tmp_path / "unichat.tml")
    assert caught.value.nearest == path
    assert f"(did you mean {path}?). Rename it to unichat.toml, or name a backend" in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege")
def test_without_a_config_the_error_names_the_link_that_leads_nowhere(tmp_path):
    (tmp_path / NAME).symlink_to("nowhere")
    with pytest.raises(NoConfig, match=r"unichat\.toml is a link that leads nowhere\)\. Fix the link"):
        resolve(cwd=tmp_path, environ={})


def test_the_users_own_folder_is_looked_at(tmp_path):
    from unichat.config.search import user_file

    user_file().parent.mkdir(parents=True)
    (user_file().parent / "unichat.yaml").touch()
    assert load(cwd=tmp_path, environ={}).similar == user_file().parent / "unichat.yaml"


def test_a_config_that_is_found_is_not_compared(tmp_path):
    (tmp_path / "unichat.tml").touch()
    (tmp_path / NAME).write_text('[profiles.a]\nbackend = "kapa"\n')
    assert load(cwd=tmp_path, environ={}).similar is None
