"""`unichat doctor`: what is wrong with a profile, from the config file to the vendor, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import click

from unichat.adapter.setting_checks import is_loopback
from unichat.cli import options, output
from unichat.cli.failures import FAILED, option_names

if TYPE_CHECKING:
    from unichat.cli.target import Target
    from unichat.config import ProfileCheck
    from unichat.config.problems import Problem

_SAFE_URLLIB3 = (2, 8, 0)
"""The first release without the known vulnerabilities in decompression and chunked bodies; setup.cfg names them."""


STAGES = ("reachability", "auth", "ids")
"""What the adapter's probes show, in the order in which a request passes them."""


class Check(NamedTuple):
    """The result of one check: `outcome` is ok, warning, failed or skipped; `detail` says what to fix."""

    name: str
    outcome: str
    detail: str


@click.command("doctor")
@options.profile
@options.config
@options.deadline
@options.as_json
def command(profile: str | None, config: str | None, deadline: float | None, as_json: bool) -> None:
    """Check a profile and say what to fix.

    Checks the config, the secrets, whether the vendor can be reached, and whether it accepts the key and the ids.
    Asks no question, and changes nothing.
    """
    from unichat.cli.target import Target

    target = Target(profile=profile, config=config, deadline=deadline)
    checks = list(_checks(target))
    if as_json:
        output.print_json([check._asdict() for check in checks])
    else:
        output.print_table(
            ("outcome", "check", "what was found"), [(each.outcome, each.name, each.detail) for each in checks]
        )
    if any(check.outcome == "failed" for check in checks):
        raise click.exceptions.Exit(FAILED)


def _checks(target: Target) -> Iterator[Check]:
    yield _check_urllib3()
    from unichat import config as configuration

    profile_check = configuration.check_profile(target.profile, config=target.config)
    yield from _check_config(profile_check)
    if profile_check.problems:
        yield from (Check(name, "skipped", "") for name in STAGES)
    else:
        yield from _check_vendor(target)


def _check_urllib3() -> Check:
    import urllib3

    # Not that of its metadata, which frozen programs lack.
    version = urllib3.__version__  # type: ignore[attr-defined]  # not marked as exported
    numbers = tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])
    if numbers < _SAFE_URLLIB3:
        wanted = ".".join(map(str, _SAFE_URLLIB3))
        return Check(
            "urllib3", "warning", f"{version} has known vulnerabilities. Run: pip install --upgrade 'urllib3>={wanted}'"
        )
    return Check("urllib3", "ok", version)


def _check_config(profile_check: ProfileCheck) -> Iterator[Check]:
    """Check the file and the choice of the profile, then the profile's settings, including its secrets."""
    if profile_check.profile is None:
        yield from (Check("config", "failed", _line(problem)) for problem in profile_check.problems)
        yield Check("settings", "skipped", "")
        return
    yield Check(
        "config",
        "ok",
        f"{profile_check.path}, profile {profile_check.profile}, backend {profile_check.backend or 'unknown'}",
    )
    yield from (Check("settings", "failed", _line(problem)) for problem in profile_check.problems)
    base_url = profile_check.base_url
    where = "" if base_url is None else f"requests go to {base_url}, which is not the vendor's own address"
    is_elsewhere = base_url is not None and not is_loopback(urlsplit(base_url).hostname or "")
    if not profile_check.problems:
        details = ("complete, including the secrets", "" if is_elsewhere else where)
        yield Check("settings", "ok", "; ".join(filter(None, details)))
    warnings = (*profile_check.warnings, where) if is_elsewhere else profile_check.warnings
    yield from (Check("settings", "warning", warning) for warning in warnings)


def _line(problem: Problem) -> str:
    from unichat.cli.words import command_words

    return problem.line(command_words(_options()))


def _options() -> frozenset[str]:
    return option_names(click.get_current_context().find_root())


def _check_vendor(target: Target) -> Iterator[Check]:
    """Run the adapter's probes until one fails: its error says how far it got."""
    from unichat.cli.words import describe_error
    from unichat.client.adapter_calls import build_adapter
    from unichat.errors import AccessDenied, InvalidInput, NotFound, UnichatError

    failure = None
    resolved = target.resolve()
    needs_key = build_adapter(resolved.backend, resolved.settings).credential is not None
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
            yield Check(name, "ok", "" if needs_key or name != "auth" else f"{resolved.backend.name} needs no key")
        elif number == stage:
            yield Check(name, "failed", reason)
        else:
            yield Check(name, "skipped", "")
