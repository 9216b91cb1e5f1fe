"""Which profile and which backend `connect` means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.conftest import ENV, KAPA, PROFILE, UUID, Refuse, Resolve, Write
from unichat.config import NoConfig, resolve
from unichat.errors import ConfigError

# Which profile


def test_the_only_profile_is_used(resolve_config: Resolve, write: Write) -> None:
    path = write(PROFILE)
    result = resolve_config(config=path, environ=ENV)
    assert (result.profile, result.path, result.backend.name) == ("support", path, "kapa")


def test_the_profile_is_the_argument_else_the_variable_else_the_default(resolve_config: Resolve, write: Write) -> None:
    tables = (f'[profiles.{name}]\nurl = "kapa://{UUID}?api_key={name}"\n' for name in "abc")
    path = write('default = "a"\n' + "".join(tables))
    assert resolve_config(config=path).profile == "a"
    assert resolve_config(config=path, environ={"UNICHAT_PROFILE": ""}).profile == "a"
    assert resolve_config(config=path, environ={"UNICHAT_PROFILE": "b"}).profile == "b"
    assert resolve_config(profile="c", config=path, environ={"UNICHAT_PROFILE": "b"}).profile == "c"


def test_several_profiles_without_a_default_are_named(resolution_error: Refuse, write: Write) -> None:
    path = write("[profiles.a]\n[profiles.b]\n")
    error = resolution_error(config=path)
    assert str(error).startswith(f"{path}: has the profiles a, b, and none was named. ")
    assert (error.accepted, error.path) == (("a", "b"), str(path))


def test_a_file_without_profiles_is_an_error(resolution_error: Refuse, write: Write) -> None:
    error = resolution_error(config=write(""))
    assert "has no profiles" in str(error)
    assert not isinstance(error, NoConfig)


def test_an_unknown_profile_names_the_nearest_and_where_it_was_requested(
    resolution_error: Refuse, write: Write
) -> None:
    path = write(PROFILE)
    asked = resolution_error(profile="suport", config=path)
    assert str(asked) == f"{path}: there is no profile 'suport' (did you mean 'support'?). Accepted: support."
    assert asked.nearest == "support"
    assert f"{path}, which UNICHAT_PROFILE names: " in str(
        resolution_error(config=path, environ={"UNICHAT_PROFILE": "x"})
    )


def test_a_profile_that_is_not_text_is_refused(resolution_error: Refuse, write: Write) -> None:
    assert "profile should be a name, not list" in str(resolution_error(profile=["a"], config=write(PROFILE)))


def test_a_missing_config_is_an_error_of_its_own(resolution_error: Refuse, tmp_path: Path, user_folder: Path) -> None:
    error = resolution_error(cwd=tmp_path)
    assert isinstance(error, NoConfig)
    assert (error.key, error.path) == ("config", None)
    assert str(user_folder / "unichat.toml") in str(error)


def test_a_profile_requested_without_a_file_is_a_plain_config_error(resolution_error: Refuse, tmp_path: Path) -> None:
    for arguments in ({"profile": "a"}, {"environ": {"UNICHAT_PROFILE": "a"}}):
        error = resolution_error(cwd=tmp_path, **arguments)
        assert not isinstance(error, NoConfig)
        assert "profile 'a' was named, but there is no config file" in str(error)


def test_a_file_that_cannot_be_read_is_the_only_mistake(resolution_error: Refuse, tmp_path: Path) -> None:
    for arguments in ({}, {"profile": "a"}):
        error = resolution_error(config=tmp_path / "no.toml", **arguments)
        assert error.problems == (f"{tmp_path}/no.toml does not exist",)
        assert not isinstance(error, NoConfig)


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ('default = "x"\n[profiles.a]\n[profiles.b]\n', None),
        ("default = 3\n[profiles.a]\n[profiles.b]\n", None),
        ("[profiles]\na = 3\n[profiles.b]\n", "a"),
        ("profiles = 3\n", "a"),
        ("[support]\nbackend = 'kapa'", None),
    ],
)
def test_a_mistake_of_the_file_is_not_reported_twice(
    resolution_error: Refuse, write: Write, text: str, profile: str | None
) -> None:
    assert len(resolution_error(profile=profile, config=write(text)).problems) == 1


def test_the_file_is_checked_even_if_its_profile_is_valid(resolution_error: Refuse, write: Write) -> None:
    path = write(f"defualt = 'a'\n{PROFILE}attempts = 0\n")
    error = resolution_error(config=path, environ=ENV)
    assert error.problems[0].startswith(f"{path}: there is no key 'defualt'")
    assert error.problems[1].startswith(f"{path}, profile 'support': attempts is 0")


def test_only_the_profile_in_use_needs_its_secrets(resolve_config: Resolve, write: Write) -> None:
    path = write(f'{PROFILE}[profiles.other]\nbackend = "nothing"\napi_key = {{env = "NOT_SET"}}\nwrong = 1\n')
    assert resolve_config(profile="support", config=path, environ=ENV).profile == "support"


def test_secret_files_are_relative_to_the_config_file(resolve_config: Resolve, write: Write) -> None:
    write("sentinel\n", "deep/kapa.key")
    path = write(f'[profiles.a]\nurl = "kapa://{UUID}"\napi_key = {{file = "kapa.key"}}\n', "deep/my.toml")
    assert resolve_config(config=path, cwd=Path("/")).settings.api_key.reveal() == "sentinel"


# Which backend


@pytest.mark.parametrize("target", ["kapa:sentinel", "", "ka pa", "sentinel/x", 3, b"kapa", ["kapa"]])
def test_a_target_that_is_neither_a_name_nor_a_url_is_refused_and_not_shown(
    resolution_error: Refuse, target: Any
) -> None:
    error = resolution_error(target)
    assert "the backend should be a name or a URL" in str(error)
    assert "sentinel" not in str(error)


def test_a_malformed_url_is_an_error(resolution_error: Refuse) -> None:
    assert str(resolution_error("kapa://a b")).startswith("the URL: is not a URL")


@pytest.mark.parametrize("extra", [{"profile": "a"}, {"config": "a.toml"}])
def test_a_backend_beside_a_profile_or_file_is_refused(resolution_error: Refuse, extra: dict[str, str]) -> None:
    error = resolution_error("kapa", settings=KAPA, **extra)
    assert str(error) == f"kapa: {next(iter(extra))} was given beside a backend or URL. Give one of the two."


def test_an_unknown_adapter_is_an_error_and_what_is_given_is_checked_as_for_the_nearest(
    resolution_error: Refuse, write: Write
) -> None:
    path = write('[profiles.a]\nbackend = "kappa"\nproject_id = "x"\n')
    error = resolution_error(config=path)
    assert [line.removeprefix(f"{path}, profile 'a': ").split(".")[0] for line in error.problems] == [
        "there is no adapter 'kappa'",
        "project_id is 'x', but Kapa's ids are UUIDs",
    ]
    assert (error.nearest, error.accepted, error.backend) == ("kapa", ("kadal", "kapa"), None)


def test_an_unknown_adapter_without_a_similar_name_is_one_mistake(resolution_error: Refuse) -> None:
    assert resolution_error("zzz", settings={"x": 1}).problems == (
        "there is no adapter 'zzz'. Installed: kadal, kapa.",
    )


def test_installed_adapters_are_found_without_being_told() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("there_is_no_such_adapter", environ={})
    assert caught.value.key == "backend"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("attempts = 3", "backend is missing. Give backend or url. Installed: kadal, kapa."),
        ("backend = 3", "backend should be text, not int"),
        ("backend = ''", "there is no adapter ''. Installed: kadal, kapa."),
        ("url = ['sentinel']", "url should be text, not list"),
    ],
)
def test_a_profile_names_its_backend(resolution_error: Refuse, write: Write, lines: str, says: str) -> None:
    path = write(f"[profiles.a]\n{lines}\n")
    assert resolution_error(config=path).problems == (f"{path}, profile 'a': {says}",)


def test_without_any_adapter_a_profile_cannot_name_one(write: Write) -> None:
    with pytest.raises(ConfigError, match="Installed: none"):
        resolve(config=write("[profiles.a]"), environ={}, names=lambda: ())


def test_backend_and_url_of_a_profile_must_agree(
    resolution_error: Refuse, resolve_config: Resolve, write: Write
) -> None:
    good = write(f'[profiles.a]\nbackend = "kapa"\nurl = "kapa://{UUID}?api_key=k"\n', "good.toml")
    assert resolve_config(config=good).settings.project_id == UUID
    bad = write('[profiles.a]\nbackend = "kadal"\nurl = "kapa://b?token=t"\n')
    assert f"{bad}, profile 'a': backend is 'kadal', but url is one of 'kapa'" in resolution_error(config=bad).problems


def test_mistakes_in_the_url_of_a_profile_say_so(resolution_error: Refuse, write: Write) -> None:
    path = write(f'[profiles.a]\nurl = "kapa://{UUID}?api_key=sentinel&attempts=0#x"\n')
    assert [line.split(": ")[0] for line in resolution_error(config=path).problems] == [f"{path}, profile 'a', url"] * 2


def test_an_id_twice_in_a_url_is_refused(resolution_error: Refuse) -> None:
    error = resolution_error(f"kapa://{UUID}?api_key=k&project_id={UUID}")
    assert str(error) == "kapa: the URL: has 'project_id' twice: after // and in the query"


def test_a_refused_part_of_a_url_is_not_reported_as_missing(resolution_error: Refuse) -> None:
    error = resolution_error("kapa://a:b?api_key=")
    assert len(error.problems) == 2
    assert "missing" not in str(error)
