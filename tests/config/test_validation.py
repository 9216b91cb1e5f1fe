"""Settings of other people's adapters: what their classes may hold, and what happens to their mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import Factory, field, frozen

from unichat.adapter import Backend, CommonSettings, Secret, TokenProvider, setting
from unichat.config import ResolvedConfig, resolve, schema
from unichat.config.raw_values import RawValue, Source
from unichat.config.validation import build_settings
from unichat.errors import ConfigError

Make = Callable[..., Backend[Any]]


@pytest.fixture
def opened_files(make_backend: Make) -> Callable[..., ResolvedConfig]:
    def call(kind: type[Any], environ: Mapping[str, str] = {}, **settings: Any) -> ResolvedConfig:
        other = make_backend("other", kind, "bot")
        return resolve("other", settings=settings, environ=environ, find=lambda _: other)

    return call


@frozen(kw_only=True)
class Ready(CommonSettings):
    base_url: str = setting(default="https://example.com", help="Where it is.")


@frozen(kw_only=True)
class TwoWays(Ready):
    """A token, or an account in its place."""

    token: Secret | None = field(
        default=None, metadata={"help": "The token.", "env": "TOKEN", "env_unless": ("account",)}
    )
    account: str | None = setting(default=None, help="The account.")


def test_a_variable_is_not_read_if_another_setting_replaces_it(opened_files: Callable[..., ResolvedConfig]) -> None:
    assert opened_files(TwoWays, {"TOKEN": "sentinel"}).settings.token == Secret("sentinel")
    assert opened_files(TwoWays, {"TOKEN": "sentinel"}, account=None).settings.token == Secret("sentinel")
    assert opened_files(TwoWays, {"TOKEN": "sentinel"}, account="a").settings.token is None


def test_a_setting_whose_variable_is_not_read_can_still_be_a_keyword(
    opened_files: Callable[..., ResolvedConfig],
) -> None:
    assert opened_files(TwoWays, {"TOKEN": "x"}, account="a", token="y").settings.token == Secret("y")


@frozen(kw_only=True)
class WithPaths(Ready):
    """Two settings that are paths, one of which the environment can name."""

    table: str | None = setting(default=None, help="A file.", path=True)
    other: str | None = setting(default=None, help="A folder.", path=True, env="OTHER")
    plain: str | None = setting(default=None, help="Not a path.")


@pytest.fixture
def from_file(make_backend: Make, write: Callable[..., Path]) -> Callable[..., Any]:
    """Return the settings that a profile in the folder `below` gives, with the working directory elsewhere."""
    backend = make_backend("other", WithPaths, "bot")

    def call(profile: str, environ: Mapping[str, str] = {}) -> Any:
        path = write(f"[profiles.a]\n{profile}\n", "below/unichat.toml")
        found = resolve(config=path, environ=environ, cwd=Path("/elsewhere"), find=lambda _: backend)
        return found.settings

    return call


def test_a_path_in_a_file_is_relative_to_the_file(from_file: Callable[..., Any], tmp_path: Path) -> None:
    settings = from_file('backend = "other"\ntable = "a/b.pem"\nplain = "a/b.pem"\nca_bundle = "../ca.pem"')
    assert settings.table == str(tmp_path / "below" / "a" / "b.pem")
    assert settings.plain == "a/b.pem"
    assert settings.ca_bundle == str(tmp_path / "below" / ".." / "ca.pem")
    assert from_file(f"url = 'other://?table=c.pem'\nca_bundle = '{tmp_path / 'ca.pem'}'").table == str(
        tmp_path / "below" / "c.pem"
    )
    assert from_file(f"backend = 'other'\nca_bundle = '{tmp_path / 'ca.pem'}'").ca_bundle == str(tmp_path / "ca.pem")


def test_a_path_elsewhere_is_relative_to_the_working_directory(
    from_file: Callable[..., Any], opened_files: Callable[..., ResolvedConfig]
) -> None:
    assert from_file('backend = "other"', {"OTHER": "a"}).other == str(Path("/elsewhere/a"))
    assert opened_files(WithPaths, table="a").settings.table == "a"
    assert opened_files(WithPaths, {"OTHER": "a"}).settings.other == "a"


def test_a_tilde_in_a_path_is_the_user_s_home_wherever_it_stands(
    from_file: Callable[..., Any],
    opened_files: Callable[..., ResolvedConfig],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    expected = str(tmp_path / "ca.pem")
    assert from_file('backend = "other"\nca_bundle = "~/ca.pem"').ca_bundle == expected
    assert from_file('url = "other://?ca_bundle=~/ca.pem"').ca_bundle == expected
    assert opened_files(WithPaths, ca_bundle="~/ca.pem").settings.ca_bundle == expected
    assert opened_files(WithPaths, {"OTHER": "~/ca.pem"}).settings.other == expected


def test_a_path_that_cannot_be_one_is_refused(opened_files: Callable[..., ResolvedConfig]) -> None:
    for value, says in (
        ("~nobody-of-this-name/ca.pem", "ca_bundle: '~nobody-of-this-name/ca.pem': the home folder is not known"),
        ("", "ca_bundle"),
        (3, "ca_bundle is 3, but should be text"),
    ):
        with pytest.raises(ConfigError, match=re.escape(says)) as caught:
            opened_files(WithPaths, ca_bundle=value)
        assert caught.value.key == "ca_bundle"


@frozen(kw_only=True)
class MixedSettings(Ready):
    """Unions and nested tables."""

    limit: int | str = setting(default=1, help="How much.")
    tables: Mapping[str, Mapping[str, bool]] = setting(default=Factory(dict), help="Tables of tables.")


def test_a_union_accepts_what_any_of_its_members_accepts(opened_files: Callable[..., ResolvedConfig]) -> None:
    assert opened_files(MixedSettings, limit=5).settings.limit == 5
    assert opened_files(MixedSettings, limit="all").settings.limit == "all"
    with pytest.raises(ConfigError, match=r"limit is 5.5, but should be a whole number or text"):
        opened_files(MixedSettings, limit=5.5)


def test_nested_tables_are_checked_at_every_level(opened_files: Callable[..., ResolvedConfig]) -> None:
    assert opened_files(MixedSettings, tables={"a": {"b": True}}).settings.tables == {"a": {"b": True}}
    with pytest.raises(ConfigError, match=r"should be a table \(each value a table \(each value true or false\)\)"):
        opened_files(MixedSettings, tables={"a": {"b": 1}})


@frozen(kw_only=True)
class ListSettings(Ready):
    hosts: list[str] = setting(help="Not possible.")


def test_an_unsupported_type_is_the_adapters_mistake(
    opened_files: Callable[..., ResolvedConfig], make_backend: Make
) -> None:
    with pytest.raises(ConfigError, match=r"the adapter's setting hosts has the type list\[str\]") as caught:
        opened_files(ListSettings, hosts=["a"])
    assert caught.value.key == "hosts"
    with pytest.raises(ConfigError, match="the adapter's setting hosts"):
        schema(find=lambda _: make_backend("other", ListSettings, "bot"), names=lambda: ("other",))


def _refuse_all(settings: Any, item: Any, value: Any) -> None:
    raise ValueError("sentinel")


@frozen(kw_only=True)
class ValidatedSettings(Ready):
    """Validators of attrs' own kind, and a field that is not given."""

    key: Secret | None = field(default=None, validator=_refuse_all)
    level: int = field(default=1, validator=_refuse_all)
    made: int = field(default=0, init=False)


def test_a_validator_that_raises_another_error_refuses_too_and_shows_no_secret(
    opened_files: Callable[..., ResolvedConfig],
) -> None:
    with pytest.raises(ConfigError) as caught:
        opened_files(ValidatedSettings, key="sentinel", level=2)
    assert caught.value.problems == (
        'keyword argument: key is of the type str, but should be text or a reference such as {env = "NAME"}',
        "keyword argument: level is 2, but should be a whole number",
    )


@frozen
class Plain:
    """A class without any check of several settings, or help."""

    bot: str = field()


def test_a_settings_class_needs_neither_checks_nor_help(opened_files: Callable[..., ResolvedConfig]) -> None:
    assert opened_files(Plain, bot="b").settings == Plain("b")
    with pytest.raises(ConfigError, match=r"bot is missing \(it has no default\)\. Give bot\."):
        opened_files(Plain)


@frozen(kw_only=True)
class CrossedSettings:
    """A check that looks at several settings, one after another."""

    first: int = field()
    second: int = field(default=2)
    third: Mapping[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.second > 5:
            raise ConfigError("second is too large", key="second")
        if self.first > self.second:
            raise ConfigError("first is larger than second")
        if self.first == self.second:
            raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({"first": 3}, ["first is larger than second"]),
        ({"first": 1, "second": 6}, ["keyword argument: second is too large"]),
        ({"second": 6}, ["first is missing (it has no default). Give first.", "keyword argument: second is too large"]),
        ({"first": "x"}, ["keyword argument: first is 'x', but should be a whole number"]),
        (
            {"first": 3, "zzz": 1},
            [
                "keyword argument: there is no setting 'zzz'. Accepted: first, second, third.",
                "first is larger than second",
            ],
        ),
        ({"first": 1, "zzz": 1}, ["keyword argument: there is no setting 'zzz'. Accepted: first, second, third."]),
    ],
)
def test_checks_of_several_settings_run_on_the_valid_ones(
    opened_files: Callable[..., ResolvedConfig], settings: dict[str, Any], problems: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        opened_files(CrossedSettings, **settings)
    assert list(caught.value.problems) == problems


def test_a_bug_of_an_adapter_is_not_wrapped(opened_files: Callable[..., ResolvedConfig]) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        opened_files(CrossedSettings, first=2)


@frozen(kw_only=True)
class Every:
    """A setting of each kind that a config file writes."""

    ratio: float = 0.5
    modes: tuple[Literal["fast", "exact"], ...] = ()
    numbers: tuple[int, ...] = ()
    either: int | str = 0
    perhaps: float | None = None
    token: Secret | TokenProvider | None = None
    limit: int = field(default=1, alias="most")


def build(form: Any = "file", kind: type[Any] = Every, **values: Any) -> tuple[Any, list[Any]]:
    source = Source(location="here", form=form, folder=Path(), environ={})
    return build_settings(kind, {name: RawValue(value, source) for name, value in values.items()}, location="here")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ratio", 5, 5.0),
        ("ratio", 0.25, 0.25),
        ("modes", ["fast", "exact"], ("fast", "exact")),
        ("modes", ("fast",), ("fast",)),
        ("numbers", [1, 2], (1, 2)),
        ("either", 3, 3),
        ("either", "x", "x"),
        ("perhaps", 2, 2.0),
        ("limit", 7, 7),
    ],
)
def test_build_settings_reads_a_value_of_a_file_as_its_type(name: str, value: Any, expected: Any) -> None:
    settings, problems = build(**{name: value})
    assert problems == []
    found = getattr(settings, name)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("ratio", True, None),
        ("ratio", "5", None),
        ("modes", "fast", None),
        ("modes", ["fast", "exakt"], "exact"),
        ("modes", {"fast": 1}, None),
        ("numbers", ["1"], None),
        ("numbers", 1, None),
        ("either", 1.5, None),
        ("perhaps", False, None),
        ("token", 5, None),
        ("limit", True, None),
    ],
)
def test_build_settings_refuses_a_value_of_another_type_by_name(name: str, value: Any, nearest: str | None) -> None:
    settings, (problem,) = build(**{name: value})
    assert (settings, problem.key, problem.location) == (None, name, "here")
    if name == "modes":
        assert (problem.accepted, problem.nearest) == (("fast", "exact"), nearest)


def test_build_settings_keeps_a_secret_or_a_function_that_it_is_given() -> None:
    def fetch() -> str:
        return "sesame"

    for given in (Secret("sesame"), fetch):
        assert build("keyword", token=given)[0].token is given


@pytest.mark.parametrize(
    ("name", "form", "advice"),
    [
        ("verify_ssl", "keyword", "certificates are always checked"),
        ("backend", "keyword", "is the first argument"),
        ("url", "keyword", "is the first argument"),
        ("url", "file", ""),
        ("profile", "file", "a profile cannot name another"),
        ("profile", "keyword", ""),
        ("colour", "file", ""),
        ("share", "file", "it is a key of a route, which has shadow"),
    ],
)
def test_build_settings_advises_on_names_that_are_meant_otherwise(name: str, form: str, advice: str) -> None:
    _, (problem,) = build(form, **{name: "x"})
    assert advice in problem.line()
    assert bool(advice) is ("(" in problem.line())


@frozen(kw_only=True)
class CheckedTogether:
    """Its check does not stop at what it is not given."""

    account: str
    folders: Mapping[str, str] = Factory(dict)

    def __attrs_post_init__(self) -> None:
        if self.folders:
            raise ConfigError("folders are given", key="folders")
        if self.account != "ada":
            raise ConfigError("account is not ada", key="account")


@pytest.mark.parametrize(
    ("values", "keys"),
    [({}, ["account"]), ({"account": "ada", "colour": 1}, ["colour"]), ({"account": "eve"}, ["account"])],
)
def test_checks_of_several_settings_are_not_given_what_is_missing(values: dict[str, Any], keys: list[str]) -> None:
    _, problems = build(kind=CheckedTogether, **values)
    assert [problem.key for problem in problems] == keys
