"""What `unichat doctor` says of routes, from what it has found of their members."""

from __future__ import annotations

from collections.abc import Sequence

from unichat.cli.vendor_checks import STAGES, Check
from unichat.config import Resolution

Checks = Sequence[tuple[str | None, list[Check]]]
"""The checks of each profile."""


def check_shadows(found: Sequence[Resolution], checks: Checks) -> None:
    """Add to the checks of each shadow whether its other side answers: nobody else would notice that it does not."""
    by_profile = dict(checks)
    for route in found:
        if route.route == "shadow" and route.resolved is not None:
            other = route.members[1]
            failed = [each for name in _below(other) for each in by_profile.get(name, ()) if each.outcome == "failed"]
            if failed:
                detail = f"the other side, {other.profile}, does not answer: {failed[0].detail}"
                by_profile[route.profile].append(Check("shadow", "warning", detail))
            else:
                by_profile[route.profile].append(Check("shadow", "ok", f"the other side, {other.profile}, answers"))


def excuse_others(found: Sequence[Resolution], checks: Checks) -> None:
    """Make warnings of what failed at a shadow's other side: the bot answers without it."""
    for route in found:
        if route.route == "shadow" and route.resolved is not None:
            excused = _below(route.members[1])
            for name, of_profile in checks:
                if name in excused:
                    of_profile[:] = [
                        each._replace(outcome="warning") if each.outcome == "failed" and each.name in STAGES else each
                        for each in of_profile
                    ]


def _below(resolution: Resolution) -> tuple[str | None, ...]:
    return tuple(each.profile for each in resolution.walk())
