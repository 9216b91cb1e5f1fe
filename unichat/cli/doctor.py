"""`unichat doctor`: what is wrong with a profile, from the config file to the vendor, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

import click

from unichat.cli import options, output
from unichat.cli.failures import FAILED, options_of

if TYPE_CHECKING:
    from unichat.cli.opening import Target
    from unichat.config import ProfileCheck
    from unichat.config.problems import Problem

_SAFE_URLLIB3 = (2, 8, 0)
"""The first release without the known holes in redirects and decompression."""


STAGES = ("reachability", "auth", "ids")
"""What the adapter's probes show, in the order in which they come that far."""


class Check(NamedTuple):
    """One thing looked at: `outcome` is ok, warning, failed or skipped; `detail` has what to mend."""

    name: str
    outcome: str
    detail: str


@click.command("doctor")
@options.profile
@options.config
@options.deadline
@options.as_json
def command(profile: str | None, config: str | None, deadline: float | None, as_json: bool) -> None:
    """Check a profile and say what to mend.

    The config, the secrets, whether the vendor can be reached, and whether it accepts the key and the ids. Asks no
    question, and changes nothing.
    """
    from unichat.cli.opening import Target

    target = Target(profile=profile, config=config, deadline=deadline)
    checks = list(_checks(target))
    if as_json:
        output.show_json([check._asdict() for check in checks])
    else:
        output.show_table(
            ("outcome", "check", "what was found"), [(each.outcome, each.name, each.detail) for each in checks]
        )
    if any(check.outcome == "failed" for check in checks):
        raise click.exceptions.Exit(FAILED)


def _checks(target: Target) -> Iterator[Check]:
    yield _urllib3()
    from unichat import config as configuration

    found = configuration.check_profile(target.profile, config=target.config)
    yield from _config(found)
    if found.problems:
        yield from (Check(name, "skipped", "") for name in STAGES)
    else:
        yield from _vendor(target)


def _urllib3() -> Check:
    version = metadata.version("urllib3")
    numbers = tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])
    if numbers < _SAFE_URLLIB3:
        wanted = ".".join(map(str, _SAFE_URLLIB3))
        return Check("urllib3", "warning", f"{version} has known holes. Run: pip install --upgrade 'urllib3>={wanted}'")
    return Check("urllib3", "ok", version)


def _config(found: ProfileCheck) -> Iterator[Check]:
    """Look at the file and the profile's choice first, then at the profile's settings, its secrets among them."""
    if found.profile is None:
        yield from (Check("config", "failed", _line(problem)) for problem in found.problems)
        yield Check("settings", "skipped", "")
        return
    yield Check("config", "ok", f"{found.path}, profile {found.profile}, backend {found.backend or 'unknown'}")
    yield from (Check("settings", "failed", _line(problem)) for problem in found.problems)
    if not found.problems:
        yield Check("settings", "ok", "complete, the secrets included")
    yield from (Check("settings", "warning", warning) for warning in found.warnings)


def _line(problem: Problem) -> str:
    from unichat.cli.words import command_words

    return problem.line(command_words(_options()))


def _options() -> frozenset[str]:
    return options_of(click.get_current_context().find_root())


def _vendor(target: Target) -> Iterator[Check]:
    """Run the adapter's probes until one fails: how it fails tells how far it came."""
    from unichat.cli.words import describe_error
    from unichat.errors import AccessDenied, InvalidInput, NotFound, UnichatError

    failure = None
    with target.client() as client:
        try:
            for probe in client.probes():
                client.run(probe)
        except UnichatError as error:
            failure = error
    stage = 3
    if failure is not None:
        stage = 1 if isinstance(failure, AccessDenied) else 2 if isinstance(failure, NotFound | InvalidInput) else 0
    reason = "" if failure is None else describe_error(failure, _options())
    for number, name in enumerate(STAGES):
        if number < stage:
            yield Check(name, "ok", "")
        elif number == stage:
            yield Check(name, "failed", reason)
        else:
            yield Check(name, "skipped", "")
