"""What `connect` is told: which backend and profile are meant, and which setting wins."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.adapter import Backend, CommonSettings
from unichat.config import NoConfig, ResolvedConfig, check_profile, resolve
from unichat.errors import ConfigError
from unichat_kadal.settings import KadalSettings

Resolve = Callable[..., ResolvedConfig]
Refuse = Callable[..., ConfigError]
Write = Callable[..., Path]

UUID = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
KAPA = {"api_key": "sentinel", "project_id": UUID}
PROFILE = f'[profiles.support]\nbackend = "kapa"\nproject_id = "{UUID}"\napi_key = {{env = "KEY"}}\n'
ENV = {"KEY": "sentinel"}


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


# All mistakes at once


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


# Checking without raising


def test_a_valid_profile_has_no_problems(write: Write, finders: dict[str, Any]) -> None:
    path = write(PROFILE)
    check = check_profile(config=path, environ=ENV, **finders)
    assert (check.profile, check.path, check.backend) == ("support", path, "kapa")
    assert (check.problems, check.warnings) == ((), ())


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_a_check_returns_problems_and_warnings(write: Write, finders: dict[str, Any]) -> None:
    path = write('[profiles.a]\n[profiles.b]\nbackend = "kapa"\napi_key = "sentinel"\n')
    path.chmod(0o644)
    check = check_profile("b", config=path, environ={}, **finders)
    assert [len(check.problems), len(check.warnings)] == [1, 1]
    assert "project_id is missing" in check.problems[0].line()
    assert "sentinel" not in repr(check)


def test_a_check_without_a_file_is_a_problem(tmp_path: Path, finders: dict[str, Any]) -> None:
    check = check_profile(environ={}, cwd=tmp_path, **finders)
    assert (check.profile, check.path, check.backend, len(check.problems)) == (None, None, None, 1)


def test_a_check_of_an_unknown_adapter_names_no_backend(write: Write, finders: dict[str, Any]) -> None:
    check = check_profile(config=write('[profiles.a]\nbackend = "kappa"\n'), environ={}, **finders)
    assert check.backend is None


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
