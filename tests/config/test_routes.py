"""Profiles that are routes: what they resolve to, and every mistake in them and in their members."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unichat.config import ResolvedBackend, ResolvedRoute, check_all_profiles, check_profile
from unichat.errors import ConfigError

Resolve = Callable[..., Any]
Refuse = Callable[..., ConfigError]
Write = Callable[..., Path]

UUID = "11111111-2222-3333-4444-555555555555"
ENV = {"KEY": "sentinel"}
KAPA = f'[profiles.kapa]\nurl = "kapa://{UUID}"\napi_key = {{env = "KEY"}}\n'
KADAL = '[profiles.kadal]\nurl = "kadal://bot"\ntoken = {env = "KEY"}\n'
THIRD = '[profiles.third]\nurl = "kadal://third"\ntoken = {env = "KEY"}\n'
MEMBERS = KAPA + KADAL + THIRD
SAFE = '[profiles.safe]\nfallback = ["kapa", "kadal"]\n'
PILOT = "[profiles.pilot]\nsplit = {kapa = 70, kadal = 30}\n"
TRIAL = '[profiles.trial]\nshadow = {primary = "kapa", other = "kadal"}\n'


@pytest.fixture
def route(resolve_config: Resolve, write: Write) -> Callable[..., ResolvedRoute]:
    """What the route `name` of a file resolves to."""

    def call(text: str, name: str, **more: Any) -> ResolvedRoute:
        result = resolve_config(profile=name, config=write(text + MEMBERS), **{"environ": ENV, **more})
        assert isinstance(result, ResolvedRoute)
        return result

    return call


@pytest.fixture
def problems(resolution_error: Refuse, write: Write) -> Callable[..., list[str]]:
    """The mistakes of a file, without its path."""

    def call(text: str, name: str = "safe", **more: Any) -> list[str]:
        path = write(text)
        error = resolution_error(profile=name, config=path, **{"environ": ENV, **more})
        assert error.path == str(path)
        return [each.replace(f"{path}, ", "") for each in error.problems]

    return call


# What it resolves to


def test_a_fallback_resolves_to_its_members_in_order(route: Callable[..., ResolvedRoute]) -> None:
    found = route(SAFE + 'fall_back_on = ["refused"]\npatience = 2\ndeadline = 9\ncarry_over = true\n', "safe")
    assert (found.kind, found.profile, list(found.members), dict(found.weights)) == (
        "fallback",
        "safe",
        ["kapa", "kadal"],
        {},
    )
    settings: Any = found.settings
    assert (settings.fall_back_on, settings.patience, settings.deadline) == (("refused",), 2.0, 9.0)
    assert (settings.carry_over, settings.carry_over_limit) == (True, 4000)
    kapa = found.members["kapa"]
    assert isinstance(kapa, ResolvedBackend)
    assert (kapa.backend.name, kapa.profile, kapa.settings.api_key.reveal()) == ("kapa", "kapa", "sentinel")


def test_a_split_resolves_to_weights(route: Callable[..., ResolvedRoute]) -> None:
    found = route(PILOT, "pilot")
    assert (found.kind, dict(found.weights)) == ("split", {"kapa": 70, "kadal": 30})


def test_a_shadow_resolves_to_its_primary_first_and_its_file_beside_the_config(
    route: Callable[..., ResolvedRoute], tmp_path: Path
) -> None:
    text = '[profiles.trial]\nshadow = {other = "kadal", primary = "kapa"}\nshare = 0.25\nrecord = "shadow.jsonl"\n'
    found = route(text + "shadow_concurrency = 2\nshadow_grace = 0\n", "trial", cwd=Path("/elsewhere"))
    settings: Any = found.settings
    assert list(found.members) == ["kapa", "kadal"]
    assert (settings.share, settings.shadow_concurrency, settings.shadow_grace) == (0.25, 2, 0.0)
    assert settings.record == str(tmp_path / "shadow.jsonl")


def test_a_route_can_be_a_member(route: Callable[..., ResolvedRoute]) -> None:
    found = route('[profiles.top]\nfallback = ["pilot", "third"]\n' + PILOT, "top")
    pilot = found.members["pilot"]
    assert isinstance(pilot, ResolvedRoute)
    assert list(pilot.members) == ["kapa", "kadal"]


def test_a_split_can_have_routes_over_the_same_profiles(route: Callable[..., ResolvedRoute]) -> None:
    text = "[profiles.top]\nsplit = {safe = 7, back = 3}\n" + SAFE + '[profiles.back]\nfallback = ["kadal", "kapa"]\n'
    found = route(text, "top")
    safe, back = found.members["safe"], found.members["back"]
    assert isinstance(safe, ResolvedRoute)
    assert isinstance(back, ResolvedRoute)
    assert safe.members["kapa"] is back.members["kapa"]


@pytest.mark.parametrize(
    "more",
    [{"environ": {**ENV, "UNICHAT_PROFILE": "safe"}}, {"profile": "safe", "environ": {**ENV, "UNICHAT_PROFILE": "x"}}],
)
def test_a_route_is_chosen_as_any_profile(resolve_config: Resolve, write: Write, more: dict[str, Any]) -> None:
    assert resolve_config(config=write(SAFE + MEMBERS), **more).profile == "safe"


def test_a_route_can_be_the_default(resolve_config: Resolve, write: Write) -> None:
    assert resolve_config(config=write('default = "safe"\n' + SAFE + MEMBERS), environ=ENV).profile == "safe"


def test_a_route_in_pyproject_is_read(resolve_config: Resolve, write: Write) -> None:
    text = (SAFE + MEMBERS).replace("[profiles.", "[tool.unichat.profiles.")
    assert resolve_config(profile="safe", config=write(text, "pyproject.toml"), environ=ENV).kind == "fallback"


# Keywords


def test_keywords_are_the_routes_and_win_over_its_profile(route: Callable[..., ResolvedRoute]) -> None:
    found = route(SAFE + "deadline = 9\n", "safe", settings={"deadline": 3, "patience": 1, "carry_over": None})
    settings: Any = found.settings
    assert (settings.deadline, settings.patience, settings.carry_over) == (3.0, 1.0, False)
    assert found.members["kapa"].settings.deadline is None  # type: ignore[union-attr]


def test_a_keyword_of_one_backend_is_refused_with_the_members_to_set_it_on(problems: Callable[..., list[str]]) -> None:
    found = problems(SAFE + MEMBERS, settings={"api_key": "k", "attempts": 1, "token": "t", "aptience": 1})
    accepted = ["deadline", "carry_over", "carry_over_limit", "fall_back_on", "patience"]
    assert [each.removeprefix("keyword argument: ") for each in found] == [
        "api_key belongs to one backend, and this profile is a route. Set it in the profile 'kapa'.",
        "attempts belongs to one backend, and this profile is a route. Set it in the profile 'kapa' or 'kadal'.",
        "token belongs to one backend, and this profile is a route. Set it in the profile 'kadal'.",
        "there is no setting 'aptience' (did you mean 'patience'?). Accepted: " + ", ".join(accepted) + ".",
    ]


def test_a_keyword_of_one_backend_that_is_none_counts_as_left_out(route: Callable[..., ResolvedRoute]) -> None:
    assert route(SAFE, "safe", settings={"api_key": None, "patience": None}).kind == "fallback"


@pytest.mark.parametrize("keyword", ["fallback", "split", "shadow"])
def test_members_cannot_be_keywords(problems: Callable[..., list[str]], keyword: str) -> None:
    (found,) = problems(SAFE + MEMBERS, settings={keyword: ["kapa", "kadal"]})
    assert f"{keyword} cannot be given this way. The members of a route are named in its profile." in found


def test_a_keyword_of_a_route_beside_a_plain_profile_is_explained(problems: Callable[..., list[str]]) -> None:
    (found,) = problems(MEMBERS, "kapa", settings={"patience": 2})
    assert "there is no setting 'patience' (it is a key of a route, which has fallback instead of a backend)" in found


# Mistakes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('fallback = ["kapa", "safe"]', "profile 'safe', fallback: 'safe' is a member of itself"),
        ('fallback = ["kapa", "kadall"]', "there is no profile 'kadall' (did you mean 'kadal'?)"),
        ('fallback = ["kapa", "safee"]', "there is no profile 'safee'"),
        ('fallback = ["kapa", "kapa"]', "fallback has 'kapa' twice"),
        ("fallback = []", "fallback is empty"),
        ("split = {kapa = 70, kadal = 0}", "split.kadal is 0, but should be a positive number"),
        ("split = {kapa = 70, kadal = nan}", "split.kadal is nan, but should be a positive number"),
        ("split = {kapa = 70, kadal = true}", "split.kadal is True, but should be a positive number"),
        ("split = {kapa = 70, kadall = 30}", "there is no profile 'kadall' (did you mean 'kadal'?)"),
        ('shadow = {primary = "kapa", other = "kapa"}', "shadow has 'kapa' twice"),
        (
            'shadow = {primary = "kapa", other = "kadal"}\nshare = 1.5',
            "share is 1.5, but should be a number from 0 to 1",
        ),
        (
            'shadow = {primary = "kapa", other = "kadal"}\nshare = nan',
            "share is nan, but should be a number from 0 to 1",
        ),
        ('shadow = {primary = "kapa", other = "kadal"}\nshare = true', "share is True, but should be a number"),
        (
            'shadow = {primary = "kapa", other = "kadal"}\ncarry_over = true',
            "carry_over is a key of fallback and split, and this route is a shadow",
        ),
        ('fallback = ["kapa", "kadal"]\npatience = 9\ndeadline = 3', "patience is 9, which is above the deadline of 3"),
        ('fallback = ["kapa", "kadal"]\npatience = 0', "patience is 0"),
        ('fallback = ["kapa", "kadal"]\npatience = "2"', "patience is '2', but should be a number"),
        ('fallback = ["kapa", "kadal"]\nshare = 0.5', "share is a key of shadow, and this route is a fallback"),
        (
            'fallback = ["kapa", "kadal"]\nfall_back_on = ["refsued"]',
            (
                "fall_back_on is ['refsued'], but should be a list (each value one of 'unavailable', 'rate_limited', "
                "'refused', 'not_found', 'uncertain'). Did you mean 'refused'?"
            ),
        ),
        ('fallback = ["kapa", "kadal"]\nfall_back_on = "refused"', "fall_back_on is 'refused', but should be a list"),
        ('fallback = ["kapa", "kadal"]\nfall_back_on = []', "fall_back_on is empty, but should be a list of reasons"),
        (
            'fallback = ["kapa", "kadal"]\napi_key = "sentinel"',
            "api_key belongs to one backend, and this profile is a route. Set it in the profile 'kapa'.",
        ),
        (
            'backend = "kapa"\nfallback = ["kapa", "kadal"]',
            "backend stands beside fallback, but a profile has either a backend or members. Remove one",
        ),
        (
            'fallback = ["kapa", "kadal"]\nsplit = {kapa = 1, kadal = 1}',
            "fallback and split are in one profile, but a route is of one kind",
        ),
        ('falback = ["kapa", "kadal"]', "backend is missing (did you mean fallback instead of 'falback'?)"),
        ("patience = 2", "Give backend or url; or, since patience is a key of a route, fallback."),
        (
            'backend = "kadal"\nchat_bot_id = "b"\ntoken = "t"\nshare = 1',
            "there is no setting 'share' (it is a key of a route, which has shadow instead of a backend)",
        ),
    ],
)
def test_one_mistake_is_one_problem_that_says_what_where_and_what_to_do(
    problems: Callable[..., list[str]], text: str, says: str
) -> None:
    (found,) = problems(f"[profiles.safe]\n{text}\n{MEMBERS}")
    assert found.startswith("profile 'safe'")
    assert says in found
    assert "sentinel" not in found


def test_a_circle_is_told_as_a_path(problems: Callable[..., list[str]]) -> None:
    text = (
        '[profiles.safe]\nfallback = ["a", "kapa"]\n[profiles.a]\nsplit = {b = 1, kadal = 1}\n'
        '[profiles.b]\nshadow = {primary = "safe", other = "third"}\n'
    )
    for name, circle in (("safe", "'safe' -> 'a' -> 'b' -> 'safe'"), ("a", "'a' -> 'b' -> 'safe' -> 'a'")):
        (found,) = problems(text + MEMBERS, name)
        assert f"is a member of itself, in a circle: {circle}. " in found


def test_a_circle_below_a_route_is_told_without_the_way_to_it(problems: Callable[..., list[str]]) -> None:
    text = (
        SAFE.replace("kadal", "a")
        + '[profiles.a]\nfallback = ["b", "third"]\n[profiles.b]\nsplit = {a = 1, kadal = 1}\n'
    )
    (found,) = problems(text + MEMBERS)
    assert "profile 'b', split: 'a' is a member of itself, in a circle: 'a' -> 'b' -> 'a'." in found


@pytest.mark.parametrize("kind", ['fallback = ["pilot", "kapa"]', 'shadow = {primary = "pilot", other = "kapa"}'])
def test_a_member_that_could_be_asked_twice_is_refused(problems: Callable[..., list[str]], kind: str) -> None:
    (found,) = problems(f"[profiles.safe]\n{kind}\n{PILOT}{MEMBERS}")
    assert "has 'kapa' twice: in 'pilot' and directly" in found


def test_all_mistakes_of_a_route_and_of_its_members_are_reported_at_once(problems: Callable[..., list[str]]) -> None:
    text = (
        '[profiles.safe]\nfallback = ["pilot", "kadall", "broken"]\npatience = -1\napi_key = "sentinel"\n'
        "[profiles.pilot]\nsplit = {kapa = 0, kadal = 30}\nshare = 1\n"
        '[profiles.kapa]\nbackend = "kapa"\nattempts = "three"\n'
        '[profiles.kadal]\nurl = "kadal://bot"\ntoken = {env = "NOT_SET"}\n'
        "[profiles.broken]\nattempts = 0\n"
        '[profiles.unrelated]\nbackend = "kapa"\nattempts = "three"\n'
    )
    found = problems(text)
    assert [each.partition(". ")[0].removesuffix(".") for each in found] == [
        "profile 'safe', fallback: there is no profile 'kadall' (did you mean 'kadal'?)",
        "profile 'safe': patience is -1.0, but should be a positive number of seconds",
        "profile 'safe': api_key belongs to one backend, and this profile is a route",
        "profile 'pilot': split.kapa is 0, but should be a positive number",
        "profile 'pilot': share is a key of shadow, and this route is a split",
        "profile 'kapa': attempts is 'three', but should be a whole number",
        "profile 'kapa': api_key is missing (The project's API key)",
        "profile 'kapa': project_id is missing (The project's UUID)",
        "profile 'kadal': token: the environment variable NOT_SET is not set",
        "profile 'broken': backend is missing",
    ]
    assert "sentinel" not in "".join(found)


def test_routes_that_are_nested_too_deeply_are_refused_and_not_read(problems: Callable[..., list[str]]) -> None:
    chain = "".join(
        f'[profiles.r{n}]\nfallback = ["r{n + 1}", "m{n}"]\n[profiles.m{n}]\nbackend = "kapa"\n' for n in range(500)
    )
    found = problems(chain, "r0")
    assert "routes are nested more than 16 deep" in "".join(found)


def test_a_mistake_of_the_file_keeps_a_route_from_resolving(problems: Callable[..., list[str]]) -> None:
    (found,) = problems("defualt = 'a'\n" + SAFE + MEMBERS)
    assert "there is no key 'defualt'" in found


def test_a_profile_that_is_not_a_table_is_an_unknown_member(problems: Callable[..., list[str]]) -> None:
    found = problems("[profiles]\nx = 3\n[profiles.safe]\nfallback = ['kapa', 'x']\n" + MEMBERS)
    assert any("profile 'x' should be a table" in each for each in found)


def test_warnings_of_members_are_logged(
    resolve_config: Resolve, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(SAFE + MEMBERS.replace('{env = "KEY"}', '"sentinel"'))
    path.chmod(0o644)
    resolve_config(profile="safe", config=path)
    assert [each.getMessage().partition("profile ")[2][:7] for each in caplog.records] == ["'kapa':", "'kadal'"]


# Checks


def test_check_profile_of_a_route_has_its_problems_apart_from_its_members(
    write: Write, finders: dict[str, Any]
) -> None:
    path = write(SAFE + "share = 1\n" + KAPA + '[profiles.kadal]\nurl = "kadal://bot"\n')
    found = check_profile("safe", config=path, environ=ENV, **finders)
    assert (found.route, found.backend, found.resolved) == ("fallback", None, None)
    assert [(each.profile, len(each.problems)) for each in found.walk()] == [("safe", 1), ("kapa", 0), ("kadal", 1)]


def test_check_all_profiles_checks_each_once(write: Write, finders: dict[str, Any]) -> None:
    found = check_all_profiles(config=write(SAFE + PILOT + TRIAL + MEMBERS), environ=ENV, **finders)
    assert [each.profile for each in found] == ["safe", "pilot", "trial", "kapa", "kadal", "third"]
    assert all(each.resolved is not None for each in found)
