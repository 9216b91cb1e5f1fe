"""The settings of routes: which values are accepted, and what an error says of the others."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from attrs import asdict, fields

from unichat.errors import ConfigError
from unichat.routing.settings import (
    REASONS,
    ROUTE_KEYS,
    ROUTES,
    FallbackSettings,
    ShadowSettings,
    SplitSettings,
    check_weight,
)

NOT_NUMBERS = [True, False, "1", None, [1], math.nan, math.inf, -math.inf, -1]


@pytest.mark.parametrize("value", [1, 70, 0.5, 1e-300, 1e300])
def test_check_weight_of_a_positive_number_accepts_it(value: float) -> None:
    check_weight("split.kapa", value)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 0, -0.0, 10**400], ids=lambda value: repr(value)[:9])
def test_check_weight_of_anything_else_refuses_it_by_name(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"split\.kapa is .*, but should be a positive number") as caught:
        check_weight("split.kapa", value)
    assert caught.value.key == "split.kapa"


@pytest.mark.parametrize("value", [0, 0.25, 1, 1.0])
def test_share_from_0_to_1_is_accepted(value: float) -> None:
    assert ShadowSettings(share=value).share == value


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 1.0001, 25, -0.1])
def test_share_outside_0_to_1_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="share is "):
        ShadowSettings(share=value)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((ShadowSettings, "shadow_grace", value) for value in NOT_NUMBERS),
        *((ShadowSettings, "shadow_concurrency", value) for value in (*NOT_NUMBERS, 0, 1.5)),
        *((ShadowSettings, "record", value) for value in ("", " ", "a\nb", 3)),
        *((SplitSettings, "carry_over", value) for value in ("yes", 1, None)),
        *((SplitSettings, "carry_over_limit", value) for value in (*NOT_NUMBERS, 0, 0.5)),
        *((FallbackSettings, "patience", value) for value in (*NOT_NUMBERS, 0) if value is not None),
        *((FallbackSettings, "deadline", value) for value in (*NOT_NUMBERS, 0) if value is not None),
        *(
            (FallbackSettings, "fall_back_on", value)
            for value in ("refused", [], None, ["x"], [3], [[]], {"refused": 1})
        ),
    ],
)
def test_a_value_that_is_not_acceptable_is_refused_by_name(kind: Any, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} ") as caught:
        kind(**{name: value})
    assert caught.value.key == name


def test_no_grace_is_acceptable() -> None:
    assert ShadowSettings(shadow_grace=0).shadow_grace == 0


def test_patience_above_the_deadline_is_refused_and_as_long_is_not() -> None:
    assert FallbackSettings(patience=3, deadline=3).patience == 3
    assert FallbackSettings(patience=500).patience == 500
    with pytest.raises(ConfigError, match="patience is 4, which is above the deadline of 3 seconds") as caught:
        FallbackSettings(patience=4, deadline=3)
    assert caught.value.key == "patience"


def test_fall_back_on_is_kept_as_a_tuple() -> None:
    assert FallbackSettings(fall_back_on=["refused", "uncertain"]).fall_back_on == ("refused", "uncertain")


def test_a_reason_that_is_nearly_right_names_the_right_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean") as caught:
        FallbackSettings(fall_back_on=["ratelimited"])
    assert (caught.value.nearest, caught.value.accepted) == ("rate_limited", REASONS)


CARRYING = {"deadline": None, "carry_over": False, "carry_over_limit": 4000}
DEFAULTS = {
    "fallback": {**CARRYING, "fall_back_on": ("unavailable", "rate_limited"), "patience": None},
    "split": CARRYING,
    "shadow": {"deadline": None, "share": 1.0, "shadow_concurrency": 4, "shadow_grace": 5.0, "record": None},
}


@pytest.mark.parametrize("route", ROUTES)
def test_the_settings_of_a_route_have_the_defaults_that_are_documented_and_are_given_by_name(route: str) -> None:
    assert asdict(ROUTES[route]()) == DEFAULTS[route]
    parameters = inspect.signature(ROUTES[route]).parameters.values()
    assert {each.kind for each in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_each_key_of_a_profile_belongs_to_the_routes_that_know_it() -> None:
    known = {route: {route, *defaults} for route, defaults in DEFAULTS.items()}
    assert {
        key: tuple(route for route in ROUTES if key in known[route]) for key in set().union(*known.values())
    } == ROUTE_KEYS


def test_the_record_of_a_shadow_is_a_file_beside_the_config_file() -> None:
    assert {each.name for each in fields(ShadowSettings) if each.metadata["path"]} == {"record"}


@pytest.mark.parametrize(
    ("value", "found", "hint"),
    [
        (["refused", "ratelimited", "uncertian"], "has 'ratelimited'", "Did you mean 'rate_limited'? There are: "),
        (["un"], "has 'un'", "There are: "),
        (["un_limited"], "has 'un_limited'", "Did you mean 'rate_limited'? There are: "),
        (["refused", 7], "has 7", "There are: "),
        ("refused", "is 'refused'", "Put the reason into a list. There are: "),
        ([], "is empty", "There are: "),
        (7, "is 7", "There are: "),
    ],
)
def test_reasons_that_are_none_are_named_with_what_was_probably_meant(value: Any, found: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FallbackSettings(fall_back_on=value)
    assert caught.value.message == f"fall_back_on {found}, but should be a list of reasons"
    assert caught.value.hint == f"{hint}{', '.join(REASONS)}."
