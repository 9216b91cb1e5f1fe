"""The settings of routes: which values are accepted, and what an error says of the others."""

from __future__ import annotations

import math
from typing import Any

import pytest

from unichat.errors import ConfigError
from unichat.routing.settings import REASONS, FallbackSettings, ShadowSettings, SplitSettings, check_weight

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
