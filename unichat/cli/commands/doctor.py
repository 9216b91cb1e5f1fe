"""`unichat doctor`: what is wrong with a profile, from the config file to the vendor, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from unichat.adapter.setting_checks import is_loopback
from unichat.cli import options, output
from unichat.cli.failures import FAILED, option_names

if TYPE_CHECKING:
    from unichat.cli.vendor_checks import Check
    from unichat.config import Resolution
    from unichat.config.problems import Problem

_SAFE_URLLIB3 = (2, 8, 0)
"""The first release without the known vulnerabilities in decompression and chunked bodies; setup.cfg names them."""


@click.command("doctor")
@options.profile
@click.option("--all", "check_all", is_flag=True, help="Check every profile of the config file.")
@options.config
@options.deadline
@options.as_json
def command(profile: str | None, check_all: bool, config: str | None, deadline: float | None, as_json: bool) -> None:
    """Check a profile and say what to fix.

    Checks the config, the secrets, whether the vendor can be reached, and whether it accepts the key and the ids; of a
    route, each of its members. Asks no question, and changes nothing.
    """
    if check_all and profile is not None:
        raise click.UsageError("--all checks every profile: leave out --profile.")
    found = _check_profiles(profile, check_all, config, deadline)
    # The profile is told only where there are several: with --all, and of a route, whose members are checked with it.
    several = check_all or len(found) > 1
    checks: list[tuple[str | None, Check]] = [(None, _check_urllib3())]
    checks += [(name, check) for name, its_checks in found for check in its_checks]
    if as_json:
        output.print_json([{**({"profile": name} if several else {}), **check._asdict()} for name, check in checks])
    else:
        first = 0 if several else 1
        output.print_table(
            ("profile", "outcome", "check", "what was found")[first:],
            [(name or "", each.outcome, each.name, each.detail)[first:] for name, each in checks],
        )
    if any(check.outcome == "failed" for _, check in checks):
        raise click.exceptions.Exit(FAILED)


def _check_profiles(
    profile: str | None, check_all: bool, config: str | None, deadline: float | None
) -> list[tuple[str | None, list[Check]]]:
    """Return the checks of each profile: of all, or of the one that is meant and all that it is made of."""
    from unichat import config as configuration
    from unichat.cli.route_checks import check_shadows, excuse_others
    from unichat.cli.target import configure_logging

    configure_logging()
    settings = {"deadline": deadline}
    if check_all:
        found = configuration.check_all_profiles(config=config, settings=settings)
    else:
        found = tuple(configuration.check_profile(profile, config=config, settings=settings).walk())
    if any(problem.key == "deadline" for each in found for problem in each.problems):
        # It is reported: each member has that of its own profile.
        deadline = None
    checks = [(each.profile, list(_check_profile(each, deadline))) for each in found]
    check_shadows(found, checks)
    if not check_all:
        excuse_others(found, checks)
    return checks


def _check_profile(resolution: Resolution, deadline: float | None) -> Iterator[Check]:
    from unichat.cli.vendor_checks import STAGES, check_vendor, skip_checks
    from unichat.cli.words import describe_error
    from unichat.config import ResolvedBackend

    yield from _check_config(resolution)
    resolved = resolution.resolved
    if isinstance(resolved, ResolvedBackend):
        yield from check_vendor(resolved, deadline, lambda error: describe_error(error, _options()))
    elif resolution.route is None:
        yield from skip_checks(STAGES)


def _check_urllib3() -> Check:
    import urllib3

    from unichat.cli.vendor_checks import Check

    # Not that of its metadata, which frozen programs lack.
    version = urllib3.__version__  # type: ignore[attr-defined]  # not marked as exported
    numbers = tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])
    if numbers < _SAFE_URLLIB3:
        wanted = ".".join(map(str, _SAFE_URLLIB3))
        return Check(
            "urllib3", "warning", f"{version} has known vulnerabilities. Run: pip install --upgrade 'urllib3>={wanted}'"
        )
    return Check("urllib3", "ok", version)


def _check_config(resolution: Resolution) -> Iterator[Check]:
    """Check the file and the choice of the profile, then the profile's settings, including its secrets."""
    from unichat.cli.vendor_checks import Check

    if resolution.profile is None:
        yield from (Check("config", "failed", _line(problem)) for problem in resolution.problems)
        yield Check("settings", "skipped", "")
        return
    yield Check("config", "ok", f"{resolution.path}, profile {resolution.profile}, {_describe_kind(resolution)}")
    yield from (Check("settings", "failed", _line(problem)) for problem in resolution.problems)
    base_url = resolution.base_url
    where = "" if base_url is None else f"requests go to {base_url}, which is not the vendor's own address"
    is_elsewhere = base_url is not None and not is_loopback(urlsplit(base_url).hostname or "")
    if not resolution.problems:
        complete = "complete, including the secrets" if resolution.route is None else "complete"
        details = (complete, "" if is_elsewhere else where)
        yield Check("settings", "ok", "; ".join(filter(None, details)))
    warnings = (*resolution.warnings, where) if is_elsewhere else resolution.warnings
    yield from (Check("settings", "warning", warning) for warning in warnings)


def _describe_kind(resolution: Resolution) -> str:
    if resolution.route is None:
        return f"backend {resolution.backend or 'unknown'}"
    return f"{resolution.route} of {', '.join(str(each.profile) for each in resolution.members)}"


def _line(problem: Problem) -> str:
    from unichat.cli.words import command_words

    return problem.line(command_words(_options()))


def _options() -> frozenset[str]:
    return option_names(click.get_current_context().find_root())
