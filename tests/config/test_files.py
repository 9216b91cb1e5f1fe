"""The config file: where it is found, and what is refused as one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.config import Config, load
from unichat.errors import ConfigError

PROFILE = '[profiles.support]\nbackend = "kapa"\n'


def problem(path: object, **kwargs: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path, environ={}, **kwargs)  # type: ignore[arg-type]
    return caught.value


def test_in_one_folder_unichat_toml_wins_over_pyproject(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("[tool.unichat.profiles.other]", "pyproject.toml")
    path = write(PROFILE)
    assert load(environ={}, cwd=tmp_path).path == path


def test_a_table_in_pyproject_is_used(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write('[project]\nname = "x"\n[tool.unichat]\ndefault = "a"\n[tool.unichat.profiles.a]\n', "pyproject.toml")
    config = load(environ={}, cwd=tmp_path)
    assert (config.path, config.default, list(config.profiles)) == (path, "a", ["a"])


@pytest.mark.parametrize(
    "text",
    ["[tool.other]", "this = is broken", 'tool = "unichat"', '[project]\ndependencies = ["unichat-bridge"]', "\0"],
)
def test_a_pyproject_without_our_table_is_skipped(tmp_path: Path, write: Callable[..., Path], text: str) -> None:
    outer = write(PROFILE)
    write(text, "inner/pyproject.toml")
    assert load(environ={}, cwd=tmp_path / "inner").path == outer


def test_an_unreadable_pyproject_is_skipped(tmp_path: Path, write: Callable[..., Path]) -> None:
    outer = write(PROFILE)
    (tmp_path / "inner/pyproject.toml").mkdir(parents=True)
    assert load(environ={}, cwd=tmp_path / "inner").path == outer


def test_a_broken_pyproject_that_mentions_unichat_is_an_error(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("[tool.unichat]\ndefault =\n", "pyproject.toml")
    error = problem(None, cwd=tmp_path)
    assert (error.path, error.key) == (str(path), "config")
    assert "line 2" in str(error)


def test_a_pyproject_named_as_the_config_must_have_the_table(write: Callable[..., Path]) -> None:
    path = write("[project]", "pyproject.toml")
    assert str(problem(path)) == f"{path} has no table [tool.unichat]"


def test_a_table_of_pyproject_must_be_a_table(write: Callable[..., Path]) -> None:
    path = write("tool.unichat = 3", "pyproject.toml")
    assert str(problem(path)) == f"{path} [tool.unichat]: should be a table"


def test_without_any_file_there_are_no_profiles(tmp_path: Path) -> None:
    assert load(environ={}, cwd=tmp_path) == Config()


def test_the_environment_names_the_file(tmp_path: Path, write: Callable[..., Path]) -> None:
    named = write(PROFILE, "elsewhere/my.toml")
    write("[profiles.other]")
    assert load(environ={"UNICHAT_CONFIG": str(named)}, cwd=tmp_path).path == named


def test_a_config_argument_wins_over_the_environment(write: Callable[..., Path]) -> None:
    path = write(PROFILE)
    assert load(str(path), environ={"UNICHAT_CONFIG": "/nowhere"}).path == path


def test_an_empty_variable_names_no_file(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(PROFILE)
    assert load(environ={"UNICHAT_CONFIG": ""}, cwd=tmp_path).path == path


def test_a_tilde_is_the_users_home(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(PROFILE, "my.toml")
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    assert load("~/my.toml", environ={}).path == path


def test_a_file_that_the_environment_names_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    with pytest.raises(ConfigError) as caught:
        load(environ={"UNICHAT_CONFIG": str(missing)}, cwd=tmp_path)
    assert str(caught.value) == f"UNICHAT_CONFIG: {missing} does not exist"
    assert caught.value.path == str(missing)


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    assert str(problem(tmp_path / "no.toml")) == f"{tmp_path}/no.toml does not exist"


def test_a_folder_as_the_config_is_refused(tmp_path: Path) -> None:
    assert str(problem(tmp_path)) == f"{tmp_path} is a folder, not a file"


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    assert "cannot be read (Too many levels of symbolic links)" in str(problem(loop))


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    error = problem(str(tmp_path / name))
    assert "cannot be read (not a valid path)" in str(error)
    assert escape_controls(str(error)) == str(error)


@pytest.mark.parametrize("value", [3, b"x", ["x"]])
def test_a_config_that_is_not_a_path_is_refused(value: object) -> None:
    assert str(problem(value)) == f"a path is text, not {type(value).__name__}"


def test_an_unknown_home_is_an_error() -> None:
    assert "the home folder is not known" in str(problem("~nobody-of-this-name/unichat.toml"))


def test_an_endless_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    path.write_bytes(b"#" * ((1 << 20) + 1))
    assert str(problem(path)) == f"{path} is longer than 1048576 bytes"


def test_a_file_as_long_as_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    path.write_bytes(b"#" * (1 << 20))
    assert load(path).path == path


def test_broken_toml_is_an_error_with_file_and_line(write: Callable[..., Path]) -> None:
    path = write("[profiles.a]\nbackend = kapa\n")
    error = problem(path)
    assert error.path == str(path)
    assert str(path) in str(error)
    assert "line 2" in str(error)
    assert error.problems == (str(error),)


def test_text_that_is_not_utf_8_is_an_error_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    path.write_bytes(b'[profiles.a]\nbackend = "caf\xe9"\n')
    assert str(problem(path)) == f"{path} is not UTF-8 (line 2)"


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PROFILE.encode())
    assert list(load(path).profiles) == ["support"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("a = " + "[" * 100_000, "nested"), ("a = " + "9" * 5000, "not valid TOML"), ("a = 2026-02-30", "not valid TOML")],
)
def test_toml_values_that_python_cannot_represent_are_an_error(
    write: Callable[..., Path], text: str, says: str
) -> None:
    assert says in str(problem(write(text)))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "defualt = 'a'\n[profiles.a]",
            ["there is no key 'defualt' (did you mean 'default'?). Accepted: default, profiles."],
        ),
        (
            "[support]\nbackend = 'kapa'",
            [
                (
                    "there is no key 'support' (a profile belongs under profiles: [profiles.support])."
                    " Accepted: default, profiles."
                ),
            ],
        ),
        ("x = {}", ["there is no key 'x'. Accepted: default, profiles."]),
        ("profiles = 3", ["profiles should hold tables, such as [profiles.support]"]),
        ("default = 'a'\nprofiles = 3", ["profiles should hold tables, such as [profiles.support]"]),
        ("profiles.a = 'kapa'", ["profile 'a' should be a table, such as [profiles.a]"]),
        ("default = 3\n[profiles.a]", ["default should be a profile's name"]),
    ],
)
def test_unknown_keys_of_the_file_are_an_error(write: Callable[..., Path], text: str, problems: list[str]) -> None:
    path = write(text)
    assert problem(path).problems == tuple(f"{path}: {line}" for line in problems)


def test_a_default_that_is_not_a_profile_names_the_nearest(write: Callable[..., Path]) -> None:
    path = write('default = "suport"\n[profiles.support]\n[profiles.docs]\n')
    error = problem(path)
    assert (
        str(error)
        == f"{path}, default: there is no profile 'suport' (did you mean 'support'?). Accepted: support, docs."
    )
    assert (error.accepted, error.nearest) == (("support", "docs"), "support")


def test_all_mistakes_of_the_structure_are_reported_at_once(write: Callable[..., Path]) -> None:
    path = write("default = 3\nverify = false\nprofiles.a = 1\nprofiles.b = 2\n")
    error = problem(path)
    assert len(error.problems) == 4
    assert str(error).startswith(f"{path}: 4 mistakes: (1) there is no key 'verify'. Accepted: default, profiles; (2) ")


def test_the_repr_of_a_config_hides_the_values_of_its_profiles(write: Callable[..., Path]) -> None:
    config = load(write('[profiles.a]\napi_key = "sentinel"\n'))
    assert config.profiles["a"]["api_key"] == "sentinel"
    assert "sentinel" not in repr(config)


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
@pytest.mark.parametrize(("mode", "others"), [(0o600, False), (0o640, True), (0o604, True), (0o700, False)])
def test_a_config_knows_who_can_read_it(write: Callable[..., Path], mode: int, others: bool) -> None:
    path = write(PROFILE)
    path.chmod(mode)
    config = load(path)
    assert (config.readable_by_others, config.mode) == (others, mode)


MARKS = list("[]{}=,.#_\n\r\"'")
WORDS = [
    '"""',
    "[[",
    "]]",
    "profiles",
    "default",
    "backend",
    "a",
    "é",
    "1",
    "1e9",
    "nan",
    "true",
    "2026-01-01",
    "\\u00",
    "0x",
]
FRAGMENTS = st.sampled_from([*MARKS, *WORDS])


@pytest.fixture(scope="module")
def any_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "unichat.toml"


@settings(deadline=None)
@given(st.one_of(st.binary(), st.lists(FRAGMENTS).map(lambda parts: "".join(parts).encode())))
def test_any_bytes_load_or_raise_a_config_error(any_file: Path, data: bytes) -> None:
    any_file.write_bytes(data)
    error = None
    try:
        assert load(any_file, environ={}).path == any_file
    except ConfigError as caught:
        error = caught
    if error is not None:
        assert escape_controls(str(error)) == str(error)
        assert all(escape_controls(line) == line for line in error.problems)
        assert error.__context__ is None
