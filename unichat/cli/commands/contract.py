"""`unichat contract`: what a vendor's API should be, and whether it still is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from unichat.cli import completion, options, output
from unichat.cli.confirming import confirm
from unichat.cli.failures import FAILED, NOT_STARTED

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from unichat.cli.target import Target
    from unichat.contract import Report

_version = click.option("--version", metavar="V", help="The contract's version; default: the newest.")
_strict = click.option("--strict", is_flag=True, help="Exit with 1 for drift, too.")
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "junit", "markdown"]),
    default="table",
    help="How to print the report.",
)


@click.group("contract")
def command() -> None:
    """Check whether a vendor's API has changed.

    A contract describes a vendor's API, as its adapter expects it: one document for each version.
    """


@command.command("check")
@click.option("--only", multiple=True, metavar="OPERATION", help="Only this operation; can be repeated.")
@_version
@click.option("--write", is_flag=True, help="Also ask a marked question, continue it, stream it, and rate it.")
@click.option("--destructive", is_flag=True, help="Also clear the conversation of a user made for it.")
@click.option("--force", is_flag=True, help="With --destructive: even if the token's owner has a history.")
@click.option("--yes", is_flag=True, help="With --destructive: do not ask first.")
@_strict
@click.option("--save", type=click.Path(), metavar="FILE", help="Save the shapes of the answers, without values.")
@_format
@options.target
def check_command(
    target: Target,
    only: tuple[str, ...],
    version: str | None,
    write: bool,
    destructive: bool,
    force: bool,
    yes: bool,
    strict: bool,
    save: str | None,
    form: str,
) -> None:
    """Compare a vendor with its contract.

    Only reads, unless told otherwise. Exits with 0 if all is well or merely drifts, 1 if something is broken, and 2 if
    nothing could be checked.
    """
    from unichat.connecting import build_client
    from unichat.contract import check
    from unichat.contract.saved import check_can_save
    from unichat.contract.saved import save as save_report

    if force and not destructive:
        raise click.UsageError("--force goes with --destructive: nothing else clears.")
    if save is not None:
        check_can_save(save)
    if destructive and not yes:
        confirm("Clear the conversation of a user made for this check?", "Nothing was checked.", NOT_STARTED)
    with build_client(target.resolve_backend()) as client, _progress() as progress:
        report = check(
            client,
            only=only,
            write=write,
            destructive=destructive,
            version=version,
            force=force,
            progress=progress,
        )
    _print(report, form, strict)
    if save is not None:
        save_report(report, save)
    _exit(report, strict)


@command.command("diff")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@_strict
@_format
def diff_command(old: str, new: str, strict: bool, form: str) -> None:
    """Compare two checks that were saved with --save."""
    from unichat.contract.saved import diff, read

    report = diff(read(old), read(new))
    _print(report, form, strict)
    _exit(report, strict)


@command.command("show")
@click.argument("backend", shell_complete=completion.backends)
@_version
def show_command(backend: str, version: str | None) -> None:
    """Print a contract: an OpenAPI 3.1 document as JSON."""
    from unichat.contract import load

    output.print_json(load(backend, version))


@command.command("list")
@options.as_json
def list_command(as_json: bool) -> None:
    """List the contracts of the installed adapters; of each backend, the newest comes last."""
    from unichat.contract import list_contracts

    found = [(each.backend, each.version) for each in list_contracts()]
    if as_json:
        output.print_json([{"backend": backend, "version": version} for backend, version in found])
    else:
        output.print_table(("backend", "version"), found)


def _print(report: Report, form: str, strict: bool) -> None:
    from unichat.cli.contract_formats import print_report

    print_report(report, form, strict=strict)


def _exit(report: Report, strict: bool) -> None:
    """Exit with the code that a report amounts to."""
    from unichat.contract import Verdict

    if report.has(Verdict.BROKEN) or (strict and report.has(Verdict.DRIFT)):
        raise click.exceptions.Exit(FAILED)
    if not report.exercised:
        output.print_note("note: nothing could be checked; the report says why")
        raise click.exceptions.Exit(NOT_STARTED)


_BAR_WIDTH = 24
"""Characters: with the longest names of operations, the whole line fits in 80 columns."""


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that moves a progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    with ExitStack() as stack:
        bars: list[ProgressBar[int]] = []
        shown = [""]

        def show(name: str, done: int, total: int) -> None:
            shown[0] = name
            # How many there are is known with the first one.
            if not bars:
                bar: ProgressBar[int] = click.progressbar(
                    length=total,
                    label="checking",
                    show_eta=False,
                    show_pos=True,
                    show_percent=False,
                    width=_BAR_WIDTH,
                    item_show_func=lambda _: shown[0],
                    file=sys.stderr,
                )
                bars.append(stack.enter_context(bar))
            bars[0].update(done - bars[0].pos)

        yield show
        for bar in bars:
            bar.update(bar.length - bar.pos if bar.length else 0)
