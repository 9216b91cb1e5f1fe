"""The settings of routes: the keys of their profiles, and the keywords of `fallback`, `split` and `shadow`."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

from attrs import fields_dict, frozen

from unichat._text.printable import format_value
from unichat.adapter import setting
from unichat.adapter.setting_checks import non_empty_text, positive_integer, positive_seconds, true_or_false
from unichat.errors import ConfigError

Reason = Literal["unavailable", "rate_limited", "refused", "not_found", "uncertain"]
"""What can become of a member's answer for which the next member is asked."""

REASONS: tuple[Reason, ...] = get_args(Reason)


CARRY_OVER_LIMIT = 4000
"""The most characters of earlier exchanges that go along with a question, unless something else is set."""


def check_weight(name: str, value: object) -> None:
    """Accept a positive, finite number only.

    Raises:
        ConfigError: it is anything else.
    """
    if not _is_number(value, over=0):
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a positive number",
            key=name,
            hint="Weights are relative: 70 and 30 do what 7 and 3 do.",
        )


def _check_share(name: str, value: object) -> None:
    if not _is_number(value, least=0, most=1):
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a number from 0 to 1",
            key=name,
            hint="Such as 0.25, for a quarter of the questions.",
        )


def _check_grace(name: str, value: object) -> None:
    if not _is_number(value, least=0):
        raise ConfigError(
            f"{name} is {format_value(value)}, but should be a number of seconds from 0", key=name, hint="Such as 5."
        )


def _is_number(
    value: Any, *, over: float = -math.inf, least: float = -math.inf, most: float = sys.float_info.max
) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and over < value and least <= value <= most


def _check_reasons(name: str, value: Any) -> None:
    reasons = list(value) if isinstance(value, list | tuple | set | frozenset) else []
    unknown = [reason for reason in reasons if reason not in REASONS]
    if unknown or not reasons:
        wrong = unknown[0] if unknown else value
        found = f"has {format_value(wrong)}" if unknown else f"is {format_value(wrong) if value else 'empty'}"
        # Text is not a list of the nearest reason, however near it is.
        is_word = unknown and isinstance(wrong, str)
        closest = next(iter(get_close_matches(wrong, REASONS)), None) if is_word else None
        hint = "Put the reason into a list. " if isinstance(value, str) else ""
        raise ConfigError(
            f"{name} {found}, but should be a list of reasons",
            key=name,
            accepted=REASONS,
            nearest=closest,
            hint=(f"Did you mean {closest!r}? " if closest else hint) + f"There are: {', '.join(REASONS)}.",
        )


@frozen(kw_only=True)
class RouteSettings:
    """What every route has."""

    deadline: float | None = setting(
        default=None,
        check=positive_seconds,
        help="Seconds for a whole call, over all members. Default: 120 for questions, 30 for the rest.",
    )


@frozen(kw_only=True)
class CarryOverSettings(RouteSettings):
    """What routes have in which a conversation can move to another member."""

    carry_over: bool = setting(
        default=False,
        check=true_or_false,
        help="Continue a conversation on another member if its own cannot answer, and send that one the earlier "
        "exchanges with the question.",
    )
    carry_over_limit: int = setting(
        default=CARRY_OVER_LIMIT,
        check=positive_integer,
        help="The most characters of earlier exchanges that are sent with a question.",
    )


@frozen(kw_only=True)
class FallbackSettings(CarryOverSettings):
    """The settings of a fallback.

    Raises:
        ConfigError: `patience` is above the deadline, or a value is not acceptable.
    """

    fall_back_on: tuple[Reason, ...] = setting(
        default=("unavailable", "rate_limited"),
        check=_check_reasons,
        help="What must become of one member's answer for the next to be asked.",
    )
    patience: float | None = setting(
        default=None,
        check=positive_seconds,
        help="Seconds that each member but the last has, a stream's until its first event. Default: an equal share of "
        "what is left of the deadline.",
    )

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "fall_back_on", tuple(self.fall_back_on))
        if self.patience is not None and self.deadline is not None and self.patience > self.deadline:
            raise ConfigError(
                f"patience is {self.patience:g}, which is above the deadline of {self.deadline:g} seconds",
                key="patience",
                hint="One member would use up what the others need: give less.",
            )


@frozen(kw_only=True)
class SplitSettings(CarryOverSettings):
    """The settings of a split, besides its weights."""


@frozen(kw_only=True)
class ShadowSettings(RouteSettings):
    """The settings of a shadow."""

    share: float = setting(
        default=1.0,
        check=_check_share,
        help="The share of the threads, from 0 to 1, whose questions the other is asked, too.",
    )
    shadow_concurrency: int = setting(
        default=4,
        check=positive_integer,
        help="How many questions the other is asked at a time; more are left out.",
    )
    shadow_grace: float = setting(
        default=5.0,
        check=_check_grace,
        help="Seconds that closing the client and `clear_history` wait for questions of the other that are still "
        "running, and that the other then has to clear.",
    )
    record: str | None = setting(
        default=None,
        check=non_empty_text,
        path=True,
        help="A file that gets a line of JSON for each question that both were asked; relative to the config file.",
    )


ROUTES: Mapping[str, type[RouteSettings]] = {
    "fallback": FallbackSettings,
    "split": SplitSettings,
    "shadow": ShadowSettings,
}
"""The kinds of routes, by the key of a profile that names their members."""

ROUTE_KEYS: Mapping[str, tuple[str, ...]] = {
    key: tuple(kind for kind, settings in ROUTES.items() if key == kind or key in fields_dict(settings))
    for key in (*ROUTES, *(name for settings in ROUTES.values() for name in fields_dict(settings)))
}
"""The kinds of routes that each key of their profiles belongs to."""
