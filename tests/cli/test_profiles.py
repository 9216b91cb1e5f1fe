"""`unichat profiles`."""

from __future__ import annotations

import pytest

import unichat

SECRET = "do-not-show-me"


@pytest.fixture
def several(write):
    return write(
        f"""\
default = "support"

[profiles.support]
backend = "kapa"
api_key = "{SECRET}"

[profiles.internal]
url = "kadal://{SECRET}?token={SECRET}"

[profiles.odd]
url = "{SECRET}"

[profiles.empty]
"""
    )


def test_all_profiles_are_listed_and_the_default_has_a_mark(run, several):
    result = run("profiles")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"{several}\n"
        "profile   default  backend  settings\n"
        "support   *        kapa     api_key, backend\n"
        "internal           kadal    url\n"
        "odd                ?        url\n"
        "empty              ?\n"
    )


def test_profiles_as_json_have_the_same_and_no_secret(run, several):
    result = run("profiles", "--json")
    assert SECRET not in result.out
    assert result.json["path"] == str(several)
    assert result.json["default"] == "support"
    assert result.json["profiles"][1] == {
        "name": "internal",
        "default": False,
        "backend": "kadal",
        "base_url": None,
        "settings": ["url"],
    }


def test_a_base_url_that_is_not_the_vendor_s_own_is_listed(run, write):
    write(
        """\
[profiles.own]
backend = "kadal"
base_url = "https://API.kadal.ai:443/"

[profiles.other]
backend = "kadal"
base_url = "https://proxy.example.org/kadal?secret=do-not-show-me"

[profiles.url]
url = "kapa://x?base_url=https://kapa.example.org"
"""
    )
    assert [row["base_url"] for row in run("profiles", "--json").json["profiles"]] == [
        None,
        "https://proxy.example.org/kadal",
        "https://kapa.example.org",
    ]
    assert run("profiles").out.split("\n")[1:4] == [
        "profile  default  backend  base_url                         settings",
        "own               kadal                                     backend, base_url",
        "other             kadal    https://proxy.example.org/kadal  backend, base_url",
    ]


def test_the_environment_can_name_another_default_profile(run, several, monkeypatch):
    monkeypatch.setenv("UNICHAT_PROFILE", "internal")
    assert run("profiles", "--json").json["default"] == "internal"


def test_the_only_profile_is_the_default(run, write):
    write('[profiles.support]\nbackend = "kapa"\n')
    assert run("profiles", "--json").json["profiles"][0]["default"] is True
    write('[profiles.support]\nbackend = "kapa"\n[profiles.other]\nbackend = "kapa"\n')
    assert run("profiles", "--json").json["default"] is None


def test_without_a_file_there_are_no_profiles_to_list(run):
    result = run("profiles")
    assert (result.code, result.out) == (0, "")
    assert "no config file was found" in result.err
    assert run("profiles", "--json").json == {"path": None, "default": None, "profiles": []}


def test_a_file_that_is_missing_or_broken_is_an_error(run, write):
    assert run("profiles", "--config", "missing.toml").code == 2
    write("default = 5")
    result = run("profiles")
    assert result.code == 2
    assert "default should be a profile's name" in result.err


def test_the_schema_is_that_of_the_config(run):
    from unichat.config import schema

    assert run("profiles", "--schema").json == schema()


def test_the_profiles_of_several_are_a_column(run, profiles):
    assert run("doctor", "--all").out.startswith("profile  outcome  check         what was found\n")


def test_a_profile_is_drawn_for_a_terminal(run, profiles, terminal_output):
    result = run("doctor")
    assert result.code == 0
    assert "─" in result.out
    assert unichat.__version__ not in result.out


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("arguments", [("doctor",), ("profiles",), ("operations", "kapa"), ("operations", "kadal")])
def test_a_terminal_of_any_width_shows_every_name_whole(
    run, profiles, terminal_output, monkeypatch, arguments, columns
):
    piped = run(*arguments).out
    monkeypatch.setattr("unichat.cli.output.is_terminal", lambda: False)
    monkeypatch.setenv("COLUMNS", str(columns))
    whole = run(*arguments).out
    monkeypatch.setattr("unichat.cli.output.is_terminal", lambda: True)
    narrow = run(*arguments).out
    names = {word.strip(",;") for word in whole.split() if len(word) < columns}
    assert names <= {word.strip(",;:") for word in narrow.split()} | {word.strip(",;") for word in narrow.split()}
    assert all(len(line) <= columns or " " not in line.strip() for line in narrow.splitlines())
    assert piped
